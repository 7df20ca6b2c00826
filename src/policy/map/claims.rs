//! `[claims]`: the values of the token that subjects and conditions of the file may name.

use std::{collections::BTreeMap, sync::Arc};

use crate::{
    document::{Fields, Kind, Node, Place, Problem, Problems, claim_path, did_you_mean, parse_at},
    policy::template::{ClaimValue, Variable},
};

/// What placeholders can name without `[claims]`.
const BUILT_IN: [(&str, Variable); 3] =
    [("subject", Variable::Subject), ("name", Variable::Name), ("issuer", Variable::Issuer)];

/// How long a list claim may be said to be: beyond it, the subjects of one session are too many.
const MOST_VALUES: i64 = 256;

/// The claims that a file names.
#[derive(Debug, Default)]
pub(super) struct Claims(BTreeMap<String, Arc<ClaimValue>>);

impl Claims {
    pub(super) fn read(fields: &mut Fields<'_>, problems: &mut Problems) -> Self {
        let mut claims = BTreeMap::new();
        for (name, place, node) in fields.entries("claims", problems) {
            check_name(name, place, problems);
            if let Some(claim) = claim(name, node, problems) {
                claims.insert(name.to_owned(), Arc::new(claim));
            }
        }
        Self(claims)
    }

    /// A claim by its name, or what to do about it.
    pub(super) fn get(&self, name: &str) -> Result<Arc<ClaimValue>, String> {
        self.0.get(name).map(Arc::clone).ok_or_else(|| {
            let near = did_you_mean(name, self.0.keys().map(String::as_str));
            near.map_or_else(
                || "name it under `[claims]`".to_owned(),
                |near| format!("did you mean `{near}`?"),
            )
        })
    }

    /// What a placeholder stands for.
    pub(super) fn variable(&self, name: &str) -> Result<Variable, String> {
        if let Some((_, variable)) = BUILT_IN.iter().find(|(known, _)| *known == name) {
            return Ok(variable.clone());
        }
        if let Some(claim) = self.0.get(name) {
            return Ok(Variable::Claim(Arc::clone(claim)));
        }
        let built_in = BUILT_IN.iter().map(|(name, _)| *name);
        Err(match did_you_mean(name, self.0.keys().map(String::as_str).chain(built_in)) {
            Some(near) => {
                format!("`{{{name}}}` is no known placeholder; did you mean `{{{near}}}`?")
            }
            None => {
                format!("`{{{name}}}` is no known placeholder; name its claim under `[claims]`")
            }
        })
    }
}

fn check_name(name: &str, place: &Place, problems: &mut Problems) {
    if name.is_empty() || name.contains(|c: char| !(c.is_ascii_alphanumeric() || c == '_')) {
        problems.add(Problem::error(
            place,
            format!("`{name}` cannot be a placeholder"),
            "a placeholder is made of letters, digits and `_`",
        ));
    } else if BUILT_IN.iter().any(|(known, _)| *known == name) {
        problems.add(Problem::error(
            place,
            format!("`{name}` already has a meaning as a placeholder"),
            "choose another: `{subject}` is the token's `sub`, `{issuer}` the issuer's configured \
             name, `{name}` the two together: `issuer:subject`",
        ));
    }
}

fn claim(name: &str, node: &Node, problems: &mut Problems) -> Option<ClaimValue> {
    let Kind::Table(_) = node.kind else {
        let path = claim_path(node, problems)?;
        return Some(ClaimValue { name: name.to_owned(), path, default: None, at_most: None });
    };
    let mut fields = Fields::of(node, format!("claim `{name}`"), problems);
    let path = fields
        .required("claim", "`claim = \"tenant_id\"`: where it stands in the token", problems)
        .and_then(|node| claim_path(node, problems));
    let default = fields.string("default", problems).and_then(|(text, place)| {
        let help = "a default is one token of a subject, without `.`, `*` and `>`";
        parse_at(text, place, help, problems)
    });
    let at_most = fields.integer("at_most", 1..=MOST_VALUES, problems);
    fields.finish(problems);
    let at_most = at_most.and_then(|most| usize::try_from(most).ok());
    Some(ClaimValue { name: name.to_owned(), path: path?, default, at_most })
}
