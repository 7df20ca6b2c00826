//! What events tell of people, and in which form. Pure.

use std::{borrow::Cow, collections::BTreeMap, net::IpAddr};

use data_encoding::HEXLOWER;
use secrecy::ExposeSecret as _;
use serde::Serialize;

use super::blind::Blind;
use crate::{
    claim_path::ClaimPath,
    config::{AuditSettings, PersonalData, PersonalField, Treatment},
};

/// The fields whose values a client may call itself by, and that only a decision knows: it compares
/// the name with each. An address is one by its form.
const REPEATED: [PersonalField; 8] = [
    PersonalField::Subject,
    PersonalField::UserName,
    PersonalField::ClientId,
    PersonalField::Actors,
    PersonalField::IdpRoles,
    PersonalField::Claims,
    PersonalField::TokenId,
    PersonalField::Certificate,
];

/// What events tell of people: one for all events of an instance.
#[derive(Debug)]
pub struct Privacy {
    blind: Blind,
    personal: PersonalData,
    claims: Vec<ClaimPath>,
}

/// What of an event is hidden by the settings.
#[derive(Debug, Serialize)]
pub struct Told {
    omitted: Vec<&'static str>,
    pseudonymized: Vec<&'static str>,
}

impl Privacy {
    /// By the settings.
    #[must_use]
    pub fn of(settings: &AuditSettings) -> Self {
        Self::new(
            settings.key.expose_secret().as_bytes(),
            settings.personal_data.clone(),
            settings.claims.clone(),
        )
    }

    /// With this key. `claims` are told whether or not a map reads them.
    #[must_use]
    pub fn new(key: &[u8], personal: PersonalData, claims: Vec<ClaimPath>) -> Self {
        Self { blind: Blind::new(key), personal, claims }
    }

    /// What a token is recognized by in events.
    #[must_use]
    pub fn fingerprint(&self, token: &str) -> String {
        self.blind.fingerprint(token)
    }

    /// What becomes of a field.
    #[must_use]
    pub fn treatment(&self, field: PersonalField) -> Treatment {
        self.personal.treatment(field)
    }

    /// A value as events tell it; `None` where it is left out. An address has the same pseudonym
    /// however it is written.
    #[must_use]
    pub fn text<'a>(&self, field: PersonalField, text: &'a str) -> Option<Cow<'a, str>> {
        self.treated(self.treatment(field), field, text)
    }

    /// The pseudonym of a value, whatever the settings say of its field.
    pub(super) fn pseudonym(&self, field: PersonalField, value: &str) -> String {
        self.blind.pseudonym(field.as_str(), value)
    }

    /// What `privacy` says in events; `None` where they tell all.
    #[must_use]
    pub fn told(&self) -> Option<Told> {
        let with = |treatment| {
            let fields = PersonalField::ALL.iter().copied();
            fields.filter(move |it| self.treatment(*it) == treatment).map(PersonalField::as_str)
        };
        let told = Told {
            omitted: with(Treatment::Omitted).collect(),
            pseudonymized: with(Treatment::Pseudonymized).collect(),
        };
        (!told.omitted.is_empty() || !told.pseudonymized.is_empty()).then_some(told)
    }

    /// The claims that are told whether or not a map reads them.
    pub(super) fn claims(&self) -> &[ClaimPath] {
        &self.claims
    }

    fn treated<'a>(
        &self,
        treatment: Treatment,
        field: PersonalField,
        text: &'a str,
    ) -> Option<Cow<'a, str>> {
        match treatment {
            Treatment::Omitted => None,
            // Nothing said is nothing to hide.
            Treatment::Pseudonymized if !text.is_empty() => {
                let address = (field == PersonalField::Address).then(|| text.parse::<IpAddr>());
                let value = match address {
                    Some(Ok(address)) => Cow::Owned(address.to_canonical().to_string()),
                    _ => Cow::Borrowed(text),
                };
                Some(Cow::Owned(self.blind.pseudonym(field.as_str(), &value)))
            }
            Treatment::Pseudonymized | Treatment::Shown => Some(Cow::Borrowed(text)),
        }
    }
}

/// The values of one event that are hidden, so that none of them stands elsewhere in it: in a
/// permission that was filled with it, or in another claim.
#[derive(Debug)]
pub(super) struct Hiding<'a> {
    privacy: &'a Privacy,
    hidden: BTreeMap<String, Treatment>,
}

impl<'a> Hiding<'a> {
    /// Nothing is hidden yet.
    pub(super) fn new(privacy: &'a Privacy) -> Self {
        Self { privacy, hidden: BTreeMap::new() }
    }

    /// Takes note of a value, before anything is told.
    pub(super) fn note(&mut self, field: PersonalField, value: &str) {
        let treatment = self.privacy.treatment(field);
        if treatment > Treatment::Shown && !value.is_empty() {
            let noted = self.hidden.entry(value.to_owned()).or_insert(treatment);
            *noted = treatment.max(*noted);
        }
    }

    /// Takes note of what a client calls itself, where nobody knows whose it is: the name may say,
    /// and is hidden as the most hidden of what it may repeat.
    pub(super) fn note_unknown(&mut self, client_name: &str) {
        for field in REPEATED {
            self.note(field, client_name);
        }
        if client_name.parse::<IpAddr>().is_ok() {
            self.note(PersonalField::Address, client_name);
        }
    }

    /// The settings.
    pub(super) fn privacy(&self) -> &'a Privacy {
        self.privacy
    }

    /// As [`Privacy::text`], for a text that can be a hidden value of another field.
    pub(super) fn text<'t>(&self, field: PersonalField, text: &'t str) -> Option<Cow<'t, str>> {
        let treatment = self.privacy.treatment(field).max(self.of(text));
        self.privacy.treated(treatment, field, text)
    }

    /// A value with what becomes of it, see [`Self::treatment`].
    pub(super) fn treated<'t>(
        &self,
        treatment: Treatment,
        field: PersonalField,
        text: &'t str,
    ) -> Option<Cow<'t, str>> {
        self.privacy.treated(treatment, field, text)
    }

    /// What becomes of a field of which every one of `parts` can be a hidden value.
    pub(super) fn treatment<'p>(
        &self,
        field: PersonalField,
        parts: impl Iterator<Item = &'p str>,
    ) -> Treatment {
        let hidden = parts.map(|part| self.of(part)).max().unwrap_or(Treatment::Shown);
        self.privacy.treatment(field).max(hidden)
    }

    /// The digest of a text that was hidden like this: one that can be computed without the key
    /// would tell whether a guess at what is hidden is right.
    pub(super) fn digest(&self, treatment: Treatment, text: &str) -> Option<String> {
        match treatment {
            Treatment::Omitted => None,
            Treatment::Pseudonymized => Some(self.privacy.blind.digest(text)),
            Treatment::Shown => {
                use sha2::{Digest as _, Sha256};
                let hash = Sha256::digest(text);
                Some(format!("sha256:{}", HEXLOWER.encode(&hash)))
            }
        }
    }

    fn of(&self, value: &str) -> Treatment {
        self.hidden.get(value).copied().unwrap_or(Treatment::Shown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn privacy(omit: &[PersonalField], pseudonymize: &[PersonalField]) -> Privacy {
        let fields = |list: &[PersonalField]| list.iter().copied().collect();
        let personal = PersonalData { omit: fields(omit), pseudonymize: fields(pseudonymize) };
        Privacy::new(&[7; 32], personal, Vec::new())
    }

    #[test]
    fn a_value_is_told_left_out_or_has_one_pseudonym_in_its_class() {
        let privacy = privacy(&[PersonalField::ClientName], &[PersonalField::Address]);
        assert_eq!(privacy.text(PersonalField::UserName, "idp:a").as_deref(), Some("idp:a"));
        assert_eq!(privacy.text(PersonalField::ClientName, "x"), None);
        let address = |text| privacy.text(PersonalField::Address, text).unwrap().into_owned();
        assert!(address("192.0.2.7").starts_with("pseudonym:"));
        assert_eq!(address("192.0.2.7"), address("::ffff:192.0.2.7"));
        assert_ne!(address("192.0.2.7"), address("192.0.2.8"));
        assert_eq!(address(""), "", "nothing is nothing to hide");
    }

    #[test]
    fn a_user_name_is_hidden_at_least_as_its_subject_is() {
        let told = |privacy: &Privacy| serde_json::to_value(privacy.told()).unwrap();
        let both = ["subject", "user_name"];
        let omitted = privacy(&[PersonalField::Subject], &[PersonalField::UserName]);
        assert_eq!(omitted.text(PersonalField::UserName, "idp:a"), None);
        assert_eq!(told(&omitted), serde_json::json!({"omitted": both, "pseudonymized": []}));
        let blinded = privacy(&[], &[PersonalField::Subject]);
        assert!(blinded.text(PersonalField::UserName, "idp:a").unwrap().starts_with("pseudonym:"));
        assert_eq!(told(&blinded), serde_json::json!({"omitted": [], "pseudonymized": both}));
        assert!(privacy(&[], &[]).told().is_none());
    }

    #[test]
    fn what_is_hidden_is_hidden_wherever_it_stands() {
        let privacy = privacy(&[PersonalField::Subject], &[PersonalField::Claims]);
        let mut hiding = Hiding::new(&privacy);
        hiding.note(PersonalField::Subject, "alice");
        hiding.note(PersonalField::Claims, "acme");
        hiding.note(PersonalField::Address, "shown");
        let text = |text: &'static str| hiding.text(PersonalField::ClientId, text);
        assert_eq!(text("alice"), None);
        assert!(text("acme").unwrap().starts_with("pseudonym:"));
        assert_eq!(text("shown").as_deref(), Some("shown"));
        let of = |parts: &[&'static str]| {
            hiding.treatment(PersonalField::Permissions, parts.iter().copied())
        };
        assert_eq!(of(&["orders", "acme", "alice"]), Treatment::Omitted);
        assert_eq!(of(&["orders", "acme"]), Treatment::Pseudonymized);
        assert_eq!(of(&["orders"]), Treatment::Shown);
        assert_eq!(hiding.digest(Treatment::Omitted, "x"), None);
        assert!(hiding.digest(Treatment::Pseudonymized, "x").unwrap().starts_with("hmac-sha256:"));
    }
}
