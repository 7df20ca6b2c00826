//! Authorities, and the certificates that they make for servers and clients.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jiff::Timestamp;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, IsCa, KeyPair, SanType, date_time_ymd,
};
use sha2::{Digest as _, Sha256};

/// An authority: one that stands for itself, or below another.
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    /// What a client shows beside its own certificate: this one and those above it but the last,
    /// which the server has.
    between: String,
}

/// A certificate with its key, as files.
pub struct Certified {
    /// The certificate and what stands between it and the authority that the server trusts.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
    /// Its own DER.
    pub der: Vec<u8>,
    /// Its key in PKCS #8.
    pub key_der: Vec<u8>,
}

fn authority(name: &str) -> CertificateParams {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name = called(name);
    params
}

fn called(name: &str) -> DistinguishedName {
    let mut called = DistinguishedName::new();
    called.push(DnType::CommonName, name);
    called
}

impl Authority {
    /// One that nobody vouches for.
    pub fn new(name: &str) -> Self {
        let key = KeyPair::generate().unwrap();
        let issuer = CertifiedIssuer::self_signed(authority(name), key).unwrap();
        Self { issuer, between: String::new() }
    }

    /// One that this one vouches for.
    pub fn below(&self, name: &str) -> Self {
        let key = KeyPair::generate().unwrap();
        let issuer = CertifiedIssuer::signed_by(authority(name), key, &self.issuer).unwrap();
        let between = issuer.pem() + &self.between;
        Self { issuer, between }
    }

    /// Its own certificate.
    pub fn pem(&self) -> String {
        self.issuer.pem()
    }

    /// A certificate with these names, as files of this name.
    pub fn certify(
        &self,
        directory: &Path,
        name: &str,
        change: impl FnOnce(&mut CertificateParams),
    ) -> Certified {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name = called(name);
        change(&mut params);
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let file = |extension: &str, text: String| {
            let path = directory.join(format!("{name}.{extension}"));
            std::fs::write(&path, text).unwrap();
            path
        };
        Certified {
            certificate: file("pem", certificate.pem() + &self.between),
            key: file("key", key.serialize_pem()),
            der: certificate.der().to_vec(),
            key_der: key.serialize_der(),
        }
    }

    /// The certificate of a server on loopback.
    pub fn server(&self, directory: &Path) -> Certified {
        self.certify(directory, "server", |params| {
            params.subject_alt_names = vec![SanType::IpAddress([127, 0, 0, 1].into())];
        })
    }

    /// The certificate of a client with this URI among its names.
    pub fn workload(&self, directory: &Path, name: &str, uri: &str) -> Certified {
        self.certify(directory, name, |params| {
            params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
            params.subject_alt_names = vec![SanType::URI(uri.try_into().unwrap())];
        })
    }
}

impl Certified {
    /// What a token is bound to it by: `cnf` of RFC 8705, section 3.1.
    pub fn confirmation(&self) -> serde_json::Value {
        serde_json::json!({ "x5t#S256": URL_SAFE_NO_PAD.encode(Sha256::digest(&self.der)) })
    }

    /// The SHA-256 of it, in hexadecimal.
    pub fn sha256(&self) -> String {
        Sha256::digest(&self.der).iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// The end of a certificate's validity, which has whole seconds.
pub fn valid_until(params: &mut CertificateParams, end: Timestamp) {
    let seconds = u64::try_from(end.as_second()).unwrap();
    params.not_after = date_time_ymd(1970, 1, 1) + Duration::from_secs(seconds);
}
