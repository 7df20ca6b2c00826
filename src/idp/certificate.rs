//! The client's certificate: as an identity of its own, and as what a token is bound to. Pure.
//!
//! Who trusts it is nats-server's business: only chains that it verified are read. Which of the
//! authorities vouches for identities is ours: a server may trust others for the transport alone.
//!
//! Standards: RFC 5280 (certificates), RFC 4514 (names as text), SPIFFE's X509-SVID.

use std::{collections::BTreeSet, sync::Arc};

use jiff::Timestamp;
use rustls::pki_types::{CertificateDer, pem::PemObject as _};
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};
use x509_cert::{
    Certificate,
    der::Decode as _,
    ext::pkix::{SubjectAltName, name::GeneralName},
    name::Name,
    time::Time,
};

use super::token::{CertificateHash, begins_with};
use crate::{
    code::{Code, Refusal},
    config::{CertificateIssuer, CertificateName},
    names::IssuerName,
    nats_jwt::ClientTls,
};

/// Longer than any chain that is in use: bounds what one login may cost.
const MAX_CERTIFICATES: usize = 32;

/// A certificate whose private key the client proved to have, and whose chains the server
/// verified.
#[derive(Debug)]
pub struct PresentedCertificate {
    leaf: Vec<u8>,
    hash: CertificateHash,
    /// What stands above it in the chains.
    authorities: BTreeSet<CertificateHash>,
}

/// Somebody whom an issuer of certificates vouches for, now.
///
/// Only [`PresentedCertificate::verify`] makes one.
pub struct VerifiedCertificate {
    issuer: IssuerName,
    subject: String,
    expires_at: Timestamp,
    claims: Arc<Map<String, Value>>,
}

impl std::fmt::Debug for VerifiedCertificate {
    /// No name.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("VerifiedCertificate").field("issuer", &self.issuer).finish_non_exhaustive()
    }
}

impl VerifiedCertificate {
    /// The issuer, by our name for it.
    #[must_use]
    pub fn issuer(&self) -> &IssuerName {
        &self.issuer
    }

    /// The name that the issuer's setting `identity` asks for.
    #[must_use]
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// `notAfter`.
    #[must_use]
    pub fn expires_at(&self) -> Timestamp {
        self.expires_at
    }

    /// Its names as claims: `sub`, `subject`, `common_name`, `organizational_units`, `san_uri`,
    /// `san_dns`, `san_email`.
    #[must_use]
    pub fn claims(&self) -> &Arc<Map<String, Value>> {
        &self.claims
    }
}

impl PresentedCertificate {
    /// The certificate of a client, where there is one that the server verified.
    ///
    /// # Errors
    /// The chains cannot be read, are longer than any, or are of several certificates.
    pub fn of(tls: &ClientTls) -> Result<Option<Self>, Code> {
        let unreadable = Code::CertificateUnreadable;
        if tls.verified_chains.iter().map(Vec::len).sum::<usize>() > MAX_CERTIFICATES {
            return Err(unreadable);
        }
        let mut leaf: Option<Vec<u8>> = None;
        let mut authorities = BTreeSet::new();
        for chain in &tls.verified_chains {
            for (index, pem) in chain.iter().enumerate() {
                let der = CertificateDer::from_pem_slice(pem.as_bytes()).map_err(|_| unreadable)?;
                if index > 0 {
                    authorities.insert(hash(&der));
                } else if leaf.get_or_insert_with(|| der.to_vec()).as_slice() != der.as_ref() {
                    return Err(unreadable);
                }
            }
        }
        Ok(leaf.map(|leaf| Self { hash: hash(&leaf), leaf, authorities }))
    }

    /// SHA-256 of its DER, as `x5t#S256` has it (RFC 7515, section 4.1.8).
    #[must_use]
    pub fn hash(&self) -> &CertificateHash {
        &self.hash
    }

    /// The one issuer that is configured for an authority of its chains.
    ///
    /// # Errors
    /// There is none, or more than one.
    pub fn issuer<'a>(
        &self,
        issuers: &'a [CertificateIssuer],
    ) -> Result<&'a CertificateIssuer, Code> {
        let mut vouching =
            issuers.iter().filter(|it| !it.authorities.is_disjoint(&self.authorities));
        match (vouching.next(), vouching.next()) {
            (Some(issuer), None) => Ok(issuer),
            (None, _) => Err(Code::CertificateIssuerUnknown),
            (Some(_), Some(_)) => Err(Code::CertificateIssuerAmbiguous),
        }
    }

    /// Reads whose certificate it is, and judges whether it is valid now.
    ///
    /// # Errors
    /// It is not, or lacks the name that is asked for, or has several of them.
    pub fn verify(
        &self,
        issuer: &CertificateIssuer,
        now: Timestamp,
    ) -> Result<VerifiedCertificate, Refusal> {
        let certificate =
            Certificate::from_der(&self.leaf).map_err(|_| Code::CertificateUnreadable)?;
        let certificate = certificate.tbs_certificate();
        let validity = certificate.validity();
        let expires_at = timestamp(validity.not_after);
        // The server judged this too, by its own clock.
        if now < timestamp(validity.not_before) || expires_at <= now {
            return Err(Code::CertificateExpired.into());
        }
        let names = Names::of(certificate.subject(), &alternatives(certificate)?);
        let subject = names.one(issuer.identity)?;
        begins_with(&subject, issuer.subject_prefix.as_deref(), &issuer.name)?;
        Ok(VerifiedCertificate {
            issuer: issuer.name.clone(),
            claims: Arc::new(names.claims(&subject)),
            subject,
            expires_at,
        })
    }
}

fn hash(der: &[u8]) -> CertificateHash {
    Sha256::digest(der).into()
}

/// The last second of the year 9999 stands for no known end (RFC 5280, section 4.1.2.5), and is
/// later than any that can be calculated with here.
fn timestamp(time: Time) -> Timestamp {
    i64::try_from(time.to_unix_duration().as_secs())
        .ok()
        .and_then(|seconds| Timestamp::from_second(seconds).ok())
        .unwrap_or(Timestamp::MAX)
}

fn alternatives(certificate: &x509_cert::TbsCertificate) -> Result<Vec<GeneralName>, Code> {
    match certificate.get_extension::<SubjectAltName>() {
        Ok(Some((_, names))) => Ok(names.0),
        Ok(None) => Ok(Vec::new()),
        Err(_) => Err(Code::CertificateUnreadable),
    }
}

/// The names in a certificate.
struct Names {
    subject: String,
    common_names: Vec<String>,
    units: Vec<String>,
    uris: Vec<String>,
    hosts: Vec<String>,
    mails: Vec<String>,
}

impl Names {
    fn of(subject: &Name, alternatives: &[GeneralName]) -> Self {
        // Each attribute by itself, so that no value can pretend to be two.
        let attributes = |kind: &str| -> Vec<String> {
            let text = |it: &x509_cert::attr::AttributeTypeAndValue| {
                Some(it.to_string().strip_prefix(kind)?.strip_prefix('=')?.to_owned())
            };
            subject.iter().filter_map(text).collect()
        };
        let of_kind = |text: fn(&GeneralName) -> Option<&str>| -> Vec<String> {
            alternatives.iter().filter_map(text).map(str::to_owned).collect()
        };
        Self {
            subject: subject.to_string(),
            common_names: attributes("CN"),
            units: attributes("OU"),
            uris: of_kind(|name| match name {
                GeneralName::UniformResourceIdentifier(uri) => Some(uri.as_str()),
                _ => None,
            }),
            hosts: of_kind(|name| match name {
                GeneralName::DnsName(host) => Some(host.as_str()),
                _ => None,
            }),
            mails: of_kind(|name| match name {
                GeneralName::Rfc822Name(mail) => Some(mail.as_str()),
                _ => None,
            }),
        }
    }

    /// The only name of a kind: which of two is meant is not ours to guess, and SPIFFE allows
    /// one URI only.
    fn one(&self, kind: CertificateName) -> Result<String, Code> {
        let subject = [self.subject.clone()];
        let names = match kind {
            CertificateName::SanUri => self.uris.as_slice(),
            CertificateName::SanDns => self.hosts.as_slice(),
            CertificateName::SanEmail => self.mails.as_slice(),
            CertificateName::Subject => subject.as_slice(),
        };
        match names {
            [name] if !name.is_empty() => Ok(name.clone()),
            [] | [_] => Err(Code::CertificateIdentityAbsent),
            _ => Err(Code::CertificateIdentityAmbiguous),
        }
    }

    fn claims(self, identity: &str) -> Map<String, Value> {
        let mut claims = Map::new();
        for (name, value) in [
            ("sub", json!(identity)),
            ("subject", json!(self.subject)),
            ("common_name", json!(self.common_names)),
            ("organizational_units", json!(self.units)),
            ("san_uri", json!(self.uris)),
            ("san_dns", json!(self.hosts)),
            ("san_email", json!(self.mails)),
        ] {
            claims.insert(name.to_owned(), value);
        }
        claims
    }
}

#[cfg(test)]
mod tests;
