//! `[audit.personal_data]`: what events tell of people, and in which form; and `audit.claims`.

use std::collections::BTreeSet;

use crate::{
    claim_path::ClaimPath,
    document::{Fields, Kind, Node, Place, Problem, Problems, claim_path, did_you_mean},
};

/// Defines [`PersonalField`] so that each field has its word and its doc in one place.
macro_rules! fields {
    ($($variant:ident = $word:literal : $doc:literal,)*) => {
        /// Something in an event that is about a person, or can be.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum PersonalField { $(#[doc = $doc] $variant,)* }

        impl PersonalField {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// Its word in the settings and in events.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }
        }
    };
}

fields! {
    Subject = "subject": "The subject of a token or a certificate.",
    UserName = "user_name": "The connection's user name, which holds the subject.",
    ClientId = "client_id": "The OAuth client that the token was issued to.",
    Actors = "actors": "Who acts for the subject.",
    IdpRoles = "idp_roles": "The roles as the issuer calls them.",
    Claims = "claims": "The values of claims.",
    TokenId = "token_id": "The token's `jti`.",
    Certificate = "certificate": "The hash of the client's certificate.",
    Address = "address": "The network address of the client.",
    ClientName = "client_name": "What the client calls itself.",
    Permissions = "permissions": "The subjects that were granted, which can hold claims.",
}

/// What becomes of a field. The later hides more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Treatment {
    /// It stands there as it is.
    Shown,
    /// A keyed pseudonym stands in its place.
    Pseudonymized,
    /// It is left out.
    Omitted,
}

/// `[audit.personal_data]`: the same field is in one of the two only.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PersonalData {
    /// What is left out.
    pub omit: BTreeSet<PersonalField>,
    /// What is replaced by a keyed pseudonym.
    pub pseudonymize: BTreeSet<PersonalField>,
}

impl PersonalData {
    /// What becomes of a field. The user name holds the subject, and is hidden at least as the
    /// subject is.
    #[must_use]
    pub fn treatment(&self, field: PersonalField) -> Treatment {
        let named = if self.omit.contains(&field) {
            Treatment::Omitted
        } else if self.pseudonymize.contains(&field) {
            Treatment::Pseudonymized
        } else {
            Treatment::Shown
        };
        match field {
            PersonalField::UserName => named.max(self.treatment(PersonalField::Subject)),
            _ => named,
        }
    }
}

/// What `[audit.personal_data]` says.
pub(super) fn personal_data(fields: &mut Fields<'_>, problems: &mut Problems) -> PersonalData {
    let Some(node) = fields.node("personal_data") else { return PersonalData::default() };
    let mut fields = Fields::of(node, "`[audit.personal_data]`", problems);
    let omit = named("omit", &mut fields, problems);
    let pseudonymize = named("pseudonymize", &mut fields, problems);
    fields.finish(problems);
    for (field, place) in &pseudonymize {
        if let Some((_, first)) = omit.iter().find(|(other, _)| other == field) {
            let message = format!("`{}` is left out and pseudonymized", field.as_str());
            problems.add(
                Problem::error(place, message, "name it in one of the two lists")
                    .related(first, "left out here"),
            );
        }
    }
    let fields = |list: Vec<(PersonalField, Place)>| list.into_iter().map(|(it, _)| it).collect();
    PersonalData { omit: fields(omit), pseudonymize: fields(pseudonymize) }
}

fn named(
    key: &'static str,
    fields: &mut Fields<'_>,
    problems: &mut Problems,
) -> Vec<(PersonalField, Place)> {
    let words = || PersonalField::ALL.iter().map(|field| field.as_str());
    let mut found = Vec::new();
    for (text, place) in fields.strings(key, problems) {
        if let Some(field) = PersonalField::ALL.iter().find(|field| field.as_str() == text) {
            found.push((*field, place.clone()));
            continue;
        }
        let help = match did_you_mean(text, words()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("these are there: {}", words().collect::<Vec<_>>().join(", ")),
        };
        let message = format!("`{text}` is no field of personal data");
        problems.add(Problem::error(place, message, help));
    }
    found
}

/// `audit.claims`: claims that events hold whether or not a map reads them.
pub(super) fn claims(fields: &mut Fields<'_>, problems: &mut Problems) -> Vec<ClaimPath> {
    let dotted = |text: &str, place: &Place, problems: &mut Problems| {
        let node = Node { place: place.clone(), kind: Kind::String(text.to_owned()) };
        claim_path(&node, problems)
    };
    match fields.node("claims") {
        // Each item is a path, which may be a list itself.
        Some(Node { kind: Kind::List(items), .. }) => {
            items.iter().filter_map(|item| claim_path(item, problems)).collect()
        }
        _ => {
            let texts = fields.strings("claims", problems);
            texts.into_iter().filter_map(|(text, place)| dotted(text, place, problems)).collect()
        }
    }
}
