//! What an issuer's tokens must say, and where they say who it is.

use std::{collections::BTreeSet, str::FromStr};

use serde_json::Value;

use super::Preset;
use crate::{
    claim_path::ClaimPath,
    document::{Fields, Kind, Node, Problem, Problems, claim_path, parse_at},
};

/// A claim that must be there, with one of these values.
#[derive(Debug, Clone)]
pub struct Requirement {
    /// Where it stands.
    pub claim: ClaimPath,
    /// What it may be.
    pub values: Vec<Value>,
}

impl Requirement {
    /// Whether a claim of this value is what is required: it is one of the values, or a list with
    /// one of them in it; or the claim need only be there.
    #[must_use]
    pub fn is_met_by(&self, value: &Value) -> bool {
        match value {
            Value::Null => false,
            _ if self.is_any() => true,
            Value::Array(items) => items.iter().any(|item| self.values.contains(item)),
            value => self.values.contains(value),
        }
    }

    /// Whether the claim need only be there: its value is written as `"*"`.
    #[must_use]
    pub fn is_any(&self) -> bool {
        self.values.iter().any(|value| value == "*")
    }
}

/// Where the roles stand, and in which form.
#[derive(Debug, Clone)]
pub struct RolesClaim {
    /// Where.
    pub path: ClaimPath,
    /// In which form.
    pub form: RolesForm,
}

/// The form of the claim that holds the roles.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RolesForm {
    /// A list of strings, or one string of words with spaces between them, as OAuth's `scope`.
    Auto,
    /// A string is one role, spaces and all; a list of strings is a list of them.
    Value,
    /// An object whose keys are the roles.
    Keys,
}

impl FromStr for RolesForm {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "auto" => Ok(Self::Auto),
            "value" => Ok(Self::Value),
            "keys" => Ok(Self::Keys),
            _ => Err("is none of the forms that roles have"),
        }
    }
}

/// `roles_claim` and `roles_form`.
pub(super) fn roles(fields: &mut Fields<'_>, problems: &mut Problems) -> Option<RolesClaim> {
    let example = "`roles_claim = \"realm_access.roles\"`: where the token holds the roles";
    let path = fields
        .required("roles_claim", example, problems)
        .and_then(|node| claim_path(node, problems));
    let example = "`roles_form = \"auto\"`, `\"value\"` or `\"keys\"`";
    let form = fields.parsed("roles_form", example, problems).unwrap_or(RolesForm::Auto);
    Some(RolesClaim { path: path?, form })
}

/// Required, but for tokens that have none by their preset's documented layout.
pub(super) fn audiences(
    fields: &mut Fields<'_>,
    preset: Option<&Preset>,
    problems: &mut Problems,
) -> BTreeSet<String> {
    const HELP: &str = "name the audience that the IdP puts into tokens for NATS";
    if preset.is_some_and(|preset| preset.without_audience) && fields.node("audiences").is_none() {
        return BTreeSet::new();
    }
    let named = fields.required("audiences", "`audiences = [\"nats\"]`", problems);
    let before = problems.len();
    let given = fields.strings("audiences", problems);
    if let (Some(node), true, true) = (named, given.is_empty(), problems.len() == before) {
        let message = "`audiences` is empty: a token meant for anybody would be accepted";
        problems.add(Problem::error(&node.place, message, HELP));
    }
    for (text, place) in &given {
        if text.trim().is_empty() {
            problems.add(Problem::error(place, "an audience is not empty", HELP));
        } else if text.contains(char::is_control) {
            let message = "an audience has no control characters";
            problems.add(Problem::error(place, message, HELP));
        }
    }
    given.into_iter().map(|(text, _)| text.to_owned()).collect()
}

/// Where no audience keeps anybody out, another claim must say whose the tokens are.
pub(super) fn pinned(
    fields: &Fields<'_>,
    preset: &Preset,
    require: &[Requirement],
    problems: &mut Problems,
) {
    let is_pin = |it: &Requirement| preset.pin.iter().any(|pin| it.claim.to_string() == *pin);
    if preset.pin.is_empty() || require.iter().any(|it| is_pin(it) && !it.is_any()) {
        return;
    }
    let title = &preset.title;
    let message = if preset.without_audience {
        format!("tokens of {title} have no `aud`, and no other claim says whom they are meant for")
    } else {
        format!(
            "tokens of {title} have any audience that is asked for, and no claim says whose they are"
        )
    };
    let pins = preset.pin.join("`, `");
    let help = format!("pin one of them under `require`: `{pins}`");
    problems.add(Problem::error(fields.place(), message, help));
}

/// `typ`: what the header's `typ` may be, in lower case; the empty text stands for none.
pub(super) fn token_types(fields: &mut Fields<'_>, problems: &mut Problems) -> BTreeSet<String> {
    let Some(node) = fields.node("typ") else {
        return ["jwt", "at+jwt", ""].map(str::to_owned).into();
    };
    let before = problems.len();
    let given = fields.strings("typ", problems);
    if given.is_empty() && problems.len() == before {
        problems.add(Problem::error(
            &node.place,
            "`typ` is empty: no token could be accepted",
            "leave it out for `JWT`, `at+jwt` and none, or name some (`\"\"` stands for none)",
        ));
    }
    given.into_iter().map(|(text, _)| text.to_ascii_lowercase()).collect()
}

/// `require`: a table of claims, nested as they are.
pub(super) fn requirements(fields: &mut Fields<'_>, problems: &mut Problems) -> Vec<Requirement> {
    let mut found = Vec::new();
    if let Some(node) = fields.node("require") {
        match &node.kind {
            Kind::Table(_) => walk(node, &mut Vec::new(), &mut found, problems),
            other => problems.add(Problem::error(
                &node.place,
                format!("`require` is {}, not a table", other.describe()),
                "write a line for each claim: `require.client_id = \"nats\"`",
            )),
        }
    }
    found
}

fn walk(
    node: &Node,
    keys: &mut Vec<String>,
    found: &mut Vec<Requirement>,
    problems: &mut Problems,
) {
    if let Kind::Table(table) = &node.kind {
        for (key, (_, node)) in table {
            keys.push(key.clone());
            walk(node, keys, found, problems);
            keys.pop();
        }
        return;
    }
    let help = "write the value that the claim must have, or a list of values";
    let values: Option<Vec<Value>> = match &node.kind {
        Kind::List(items) => items.iter().map(value).collect(),
        _ => value(node).map(|value| vec![value]),
    };
    match (ClaimPath::from_keys(keys.clone()), values) {
        (Ok(claim), Some(values)) if !values.is_empty() => {
            found.push(Requirement { claim, values });
        }
        (Ok(claim), _) => {
            let message = format!("`{claim}` is required to be nothing that a claim can be");
            problems.add(Problem::error(&node.place, message, help));
        }
        (Err(why), _) => problems.add(Problem::error(&node.place, why, help)),
    }
}

fn value(node: &Node) -> Option<Value> {
    match &node.kind {
        Kind::String(text) => Some(text.as_str().into()),
        Kind::Integer(number) => Some((*number).into()),
        Kind::Bool(value) => Some((*value).into()),
        _ => None,
    }
}

/// `issuer_aliases`: other spellings of `iss`.
pub(super) fn aliases(fields: &mut Fields<'_>, problems: &mut Problems) -> BTreeSet<String> {
    let mut aliases = BTreeSet::new();
    for (text, place) in fields.strings("issuer_aliases", problems) {
        let help = "write another exact `iss` of the issuer's tokens";
        if let Some(Filled(text)) = parse_at::<Filled>(text, place, help, problems) {
            aliases.insert(text);
        }
    }
    aliases
}

/// `subject_prefix`.
pub(super) fn subject_prefix(fields: &mut Fields<'_>, problems: &mut Problems) -> Option<String> {
    let example = "`subject_prefix = \"system:serviceaccount:\"`";
    fields.parsed::<Filled>("subject_prefix", example, problems).map(|Filled(text)| text)
}

/// A text with something in it.
struct Filled(String);

impl FromStr for Filled {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.trim().is_empty() { Err("is empty") } else { Ok(Self(text.to_owned())) }
    }
}
