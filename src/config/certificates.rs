//! Files of certificates and keys: judged where they are named, not where they are first needed.

use std::path::{Path, PathBuf};

use rustls::{
    RootCertStore,
    crypto::aws_lc_rs,
    pki_types::{
        CertificateDer, PrivateKeyDer,
        pem::{Error, PemObject as _},
    },
    sign::CertifiedKey,
};

use super::secret::others_can_read;
use crate::document::{Fields, Problem, Problems};

/// What hallpass shows to a server that asks for a certificate. The files are read anew at each
/// connection, so that they can be renewed.
#[derive(Debug, Clone)]
pub struct ClientCertificate {
    /// The certificate, and what stands above it up to the authority, in PEM.
    pub certificate: PathBuf,
    /// Its private key, in PEM.
    pub key: PathBuf,
}

/// `ca_file` of a section.
pub(super) fn ca_file(
    fields: &mut Fields<'_>,
    directory: &Path,
    problems: &mut Problems,
) -> Option<PathBuf> {
    certificate_file("ca_file", fields, directory, problems)
}

/// A file of certificates, relative to the configuration's directory.
pub(super) fn certificate_file(
    key: &'static str,
    fields: &mut Fields<'_>,
    directory: &Path,
    problems: &mut Problems,
) -> Option<PathBuf> {
    let (text, place) = fields.string(key, problems)?;
    let path = directory.join(text);
    if let Err(why) = judge(&path) {
        problems.add(Problem::error(
            place,
            format!("the certificates in `{}` cannot be used: {why}", path.display()),
            "name a file in PEM: one or more `-----BEGIN CERTIFICATE-----`",
        ));
    }
    Some(path)
}

/// `cert_file` and `key_file` of a section: both or none.
pub(super) fn client_certificate(
    fields: &mut Fields<'_>,
    directory: &Path,
    problems: &mut Problems,
) -> Option<ClientCertificate> {
    let certificate = fields.node("cert_file").is_some();
    let key = fields.node("key_file").is_some();
    if certificate != key {
        let (lacking, example) = match key {
            false => ("key_file", "`key_file = \"hallpass.key\"`, or leave out `cert_file`"),
            true => ("cert_file", "`cert_file = \"hallpass.pem\"`, or leave out `key_file`"),
        };
        fields.required(lacking, example, problems);
        return None;
    }
    let (certificate, place) = fields.string("cert_file", problems)?;
    let (key, key_place) = fields.string("key_file", problems)?;
    let found =
        ClientCertificate { certificate: directory.join(certificate), key: directory.join(key) };
    match found.judge() {
        Ok(()) => {}
        Err(Flaw::Certificate(why)) => problems.add(Problem::error(
            place,
            format!("the certificates in `{}` cannot be used: {why}", found.certificate.display()),
            "name a file in PEM: hallpass's own certificate first, then those above it",
        )),
        Err(Flaw::Key(why)) => problems.add(Problem::error(
            key_place,
            format!("the private key in `{}` cannot be used: {why}", found.key.display()),
            "name a file in PEM: one `-----BEGIN PRIVATE KEY-----`, not encrypted",
        )),
    }
    if others_can_read(&found.key) {
        let message = "the file of the private key can be read by others on this machine";
        problems.add(Problem::warning(key_place, message, "chmod 600 it"));
    }
    Some(found)
}

/// Which of two files is wrong, and why.
enum Flaw {
    Certificate(String),
    /// Not in the words of the file: it holds a secret.
    Key(String),
}

impl ClientCertificate {
    /// Whether the two are what they should be, and belong together.
    fn judge(&self) -> Result<(), Flaw> {
        let chain = CertificateDer::pem_file_iter(&self.certificate)
            .and_then(Iterator::collect::<Result<Vec<_>, _>>)
            .map_err(|error| Flaw::Certificate(sentence(error)))?;
        if chain.is_empty() {
            return Err(Flaw::Certificate("it holds none".to_owned()));
        }
        let no_key = |why: &str| Flaw::Key(why.to_owned());
        let key = PrivateKeyDer::from_pem_file(&self.key).map_err(|error| match error {
            Error::Io(error) => Flaw::Key(error.to_string()),
            _ => no_key("it holds none that can be read"),
        })?;
        match CertifiedKey::from_der(chain, key, &aws_lc_rs::default_provider()) {
            Ok(_) => Ok(()),
            Err(rustls::Error::InconsistentKeys(_)) => {
                Err(Flaw::Key(format!("it is not that of `{}`", self.certificate.display())))
            }
            Err(rustls::Error::InvalidCertificate(error)) => {
                Err(Flaw::Certificate(format!("{error:?}")))
            }
            Err(_) => Err(no_key("it is of no kind that TLS knows")),
        }
    }
}

fn judge(path: &Path) -> Result<(), String> {
    let found = CertificateDer::pem_file_iter(path).map_err(sentence)?;
    let mut store = RootCertStore::empty();
    for certificate in found {
        let certificate = certificate.map_err(sentence)?;
        let number = store.len() + 1;
        store.add(certificate).map_err(|error| format!("certificate {number}: {error}"))?;
    }
    if store.is_empty() {
        return Err("it holds none".to_owned());
    }
    Ok(())
}

fn sentence(error: Error) -> String {
    match error {
        Error::Io(error) => error.to_string(),
        error => error.to_string(),
    }
}
