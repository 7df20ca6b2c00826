//! What an edge knows of a connection and NATS does not carry, in CONNECT's user name, under a
//! MAC. Pure.
//!
//! ```text
//! hallpass-edge:key=2026-11&at=1795275535&id=3b382054-…&src=192.0.2.7&tls=TLSv1.3&want=&token=ZVnpC13V…&mac=eyLEUBK-…
//! ```
//!
//! The form is that of HTML forms (`application/x-www-form-urlencoded`), which a proxy can write
//! with what it has; `mac` comes last: HMAC-SHA256 (RFC 2104) over all that stands before `&mac=`,
//! in base64url without padding (RFC 4648, section 5). A client that fills the user name itself
//! overrides what the edge says, so nothing of it counts until the MAC holds, it is of now, and it
//! was made for the very token that came with it.

use core::net::IpAddr;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, Mac as _};
use jiff::{SignedDuration, Timestamp};
use secrecy::ExposeSecret as _;
use sha2::{Digest as _, Sha256};

use crate::{
    code::Code,
    config::EdgeSettings,
    credential::{ENVELOPE, Wish},
};

/// No proxy writes longer ones; with a wish for many roles there is room.
const LONGEST: usize = 4096;
/// The longest request id.
const LONGEST_ID: usize = 128;
/// The longest name of a TLS version or cipher suite.
const LONGEST_TLS: usize = 64;

/// What an edge said: its MAC held. Whether it is of now, and about this token, is not judged yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope {
    key: String,
    request: String,
    at: Timestamp,
    source: IpAddr,
    tls: Option<String>,
    cipher: Option<String>,
    /// What is wrong with it is for later: the request that it came in is known all the same.
    wish: Result<Wish, Code>,
    token: [u8; 32],
}

/// What an edge said of this connection, now, about the token that came with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attested {
    source: IpAddr,
    wish: Wish,
}

impl Envelope {
    /// Reads an envelope whose MAC one of the keys made; the MAC is looked at before the rest.
    ///
    /// # Errors
    /// [`Code::EdgeMalformed`], [`Code::EdgeKeyUnknown`], [`Code::EdgeForged`].
    pub fn authentic(text: &str, settings: &EdgeSettings) -> Result<Self, Code> {
        if text.len() > LONGEST {
            return Err(Code::EdgeMalformed);
        }
        let (signed, mac) = text.rsplit_once("&mac=").ok_or(Code::EdgeMalformed)?;
        let mac = URL_SAFE_NO_PAD.decode(mac).map_err(|_| Code::EdgeMalformed)?;
        let form = signed.strip_prefix(ENVELOPE).ok_or(Code::EdgeMalformed)?;
        let key = Form::read(form)?.one("key")?;
        let secret = settings.keys.get(&key).ok_or(Code::EdgeKeyUnknown)?;
        let mut hmac = Hmac::<Sha256>::new_from_slice(secret.bytes.expose_secret())
            .map_err(|_| Code::InternalError)?;
        hmac.update(signed.as_bytes());
        // In constant time.
        hmac.verify_slice(&mac).map_err(|_| Code::EdgeForged)?;
        Self::of(Form::read(form)?)
    }

    fn of(mut form: Form) -> Result<Self, Code> {
        let malformed = |_| Code::EdgeMalformed;
        let key = form.one("key")?;
        let request = form.one("id")?;
        let is_id = |c: u8| c.is_ascii_alphanumeric() || b"._:-".contains(&c);
        if request.is_empty() || request.len() > LONGEST_ID || !request.bytes().all(is_id) {
            return Err(Code::EdgeMalformed);
        }
        let at = form.one("at")?;
        if !at.bytes().all(|c| c.is_ascii_digit()) {
            return Err(Code::EdgeMalformed);
        }
        let at = at.parse().map_err(|_| Code::EdgeMalformed)?;
        let at = Timestamp::from_second(at).map_err(malformed)?;
        let source: IpAddr = form.one("src")?.parse().map_err(|_| Code::EdgeMalformed)?;
        let token = form.one("token")?;
        let token = URL_SAFE_NO_PAD.decode(token).ok().and_then(|it| it.try_into().ok());
        let tls = form.tls("tls")?;
        let cipher = form.tls("cipher")?;
        let wish = match form.optional("want").as_deref() {
            None | Some("") => Ok(Wish::default()),
            Some(text) => Wish::read(text),
        };
        if !form.0.is_empty() {
            return Err(Code::EdgeMalformed);
        }
        let token = token.ok_or(Code::EdgeMalformed)?;
        let source = source.to_canonical();
        Ok(Self { key, request, at, source, tls, cipher, wish, token })
    }

    /// What it attests, where it is of now, about this token, and came from an edge. `host` is
    /// whom the server speaks with.
    ///
    /// # Errors
    /// [`Code::EdgeExpired`], [`Code::EdgeNotYetValid`], [`Code::EdgeTokenMismatch`],
    /// [`Code::EdgeAddressUnknown`]; and [`Code::WishMalformed`] of the wish inside.
    pub fn judge(
        &self,
        token: Option<&str>,
        host: &str,
        settings: &EdgeSettings,
        now: Timestamp,
    ) -> Result<Attested, Code> {
        let longer = |span: SignedDuration, bound| {
            SignedDuration::try_from(bound).is_ok_and(|bound| span > bound)
        };
        if longer(now.duration_since(self.at), settings.max_age) {
            return Err(Code::EdgeExpired);
        }
        if longer(self.at.duration_since(now), settings.leeway) {
            return Err(Code::EdgeNotYetValid);
        }
        let is_about = |token: &str| <[u8; 32]>::from(Sha256::digest(token)) == self.token;
        if !token.is_some_and(is_about) {
            return Err(Code::EdgeTokenMismatch);
        }
        // Somebody who came by it shows it again, past the edge.
        if !settings.may_be_at(host) {
            return Err(Code::EdgeAddressUnknown);
        }
        Ok(Attested { source: self.source, wish: self.wish.clone()? })
    }

    /// The name of the key that the edge holds.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }

    /// What the edge calls the request: its log has the same.
    #[must_use]
    pub fn request(&self) -> &str {
        &self.request
    }

    /// When the edge wrote it, by the edge's clock.
    #[must_use]
    pub fn at(&self) -> Timestamp {
        self.at
    }

    /// The client's address, as the edge saw it.
    #[must_use]
    pub fn source(&self) -> IpAddr {
        self.source
    }

    /// The TLS version between client and edge, by OpenSSL's name; none where there was no TLS.
    #[must_use]
    pub fn tls(&self) -> Option<&str> {
        self.tls.as_deref()
    }

    /// The cipher suite, where the edge tells it.
    #[must_use]
    pub fn cipher(&self) -> Option<&str> {
        self.cipher.as_deref()
    }
}

impl Attested {
    /// The client's address, as the edge saw it.
    #[must_use]
    pub fn source(&self) -> IpAddr {
        self.source
    }

    /// What the client asked the edge for less of.
    #[must_use]
    pub fn wish(&self) -> &Wish {
        &self.wish
    }
}

/// The fields of a form, none of them twice.
struct Form(Vec<(String, String)>);

impl Form {
    fn read(text: &str) -> Result<Self, Code> {
        let mut fields: Vec<(String, String)> = Vec::new();
        for (name, value) in url::form_urlencoded::parse(text.as_bytes()) {
            if fields.iter().any(|(other, _)| *other == name) {
                return Err(Code::EdgeMalformed);
            }
            fields.push((name.into_owned(), value.into_owned()));
        }
        Ok(Self(fields))
    }

    fn optional(&mut self, name: &str) -> Option<String> {
        let index = self.0.iter().position(|(it, _)| it == name)?;
        Some(self.0.swap_remove(index).1)
    }

    fn one(&mut self, name: &str) -> Result<String, Code> {
        self.optional(name).ok_or(Code::EdgeMalformed)
    }

    /// The name of a TLS version or cipher suite; empty as if it were absent.
    fn tls(&mut self, name: &str) -> Result<Option<String>, Code> {
        let text = self.optional(name).filter(|text| !text.is_empty());
        let is_name = |c: u8| c.is_ascii_alphanumeric() || b"._-".contains(&c);
        match &text {
            Some(text) if text.len() > LONGEST_TLS || !text.bytes().all(is_name) => {
                Err(Code::EdgeMalformed)
            }
            _ => Ok(text),
        }
    }
}

#[cfg(test)]
mod tests;
