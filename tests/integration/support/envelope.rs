//! An edge's word, spelled out: what a proxy writes into the user name.

use std::{path::Path, time::SystemTime};

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use hmac::{Hmac, Mac as _};
use sha2::{Digest as _, Sha256};

/// What an edge says; its fields may be changed before it is sealed.
pub struct Spoken {
    fields: Vec<(&'static str, String)>,
}

impl Spoken {
    /// What an honest edge says of a token that comes from `192.0.2.7`, now.
    pub fn about(token: &str) -> Self {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
        let fields = vec![
            ("key", "edge-1".to_owned()),
            ("at", now.to_string()),
            ("id", "3b382054-7d0b".to_owned()),
            ("src", "192.0.2.7".to_owned()),
            ("tls", "TLSv1.3".to_owned()),
            ("token", URL_SAFE_NO_PAD.encode(Sha256::digest(token))),
        ];
        Self { fields }
    }

    /// With another value.
    pub fn with(mut self, name: &'static str, value: &str) -> Self {
        self.fields.retain(|(it, _)| *it != name);
        self.fields.push((name, value.to_owned()));
        self
    }

    /// As if it had been said so many seconds later, or earlier.
    pub fn later(self, seconds: i64) -> Self {
        let said = self.fields.iter().find(|(name, _)| *name == "at").unwrap();
        let at = said.1.parse::<i64>().unwrap() + seconds;
        self.with("at", &at.to_string())
    }

    /// Under the MAC of a key, as the file holds it.
    pub fn sealed(&self, key: &Path) -> String {
        let form = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(&self.fields)
            .finish();
        let signed = format!("hallpass-edge:{form}");
        let key = STANDARD.decode(std::fs::read_to_string(key).unwrap().trim()).unwrap();
        let mut hmac = Hmac::<Sha256>::new_from_slice(&key).unwrap();
        hmac.update(signed.as_bytes());
        format!("{signed}&mac={}", URL_SAFE_NO_PAD.encode(hmac.finalize().into_bytes()))
    }
}
