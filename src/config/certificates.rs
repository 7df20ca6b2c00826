//! Files of certificates: judged where they are named, not where they are first needed.

use std::path::{Path, PathBuf};

use rustls::{
    RootCertStore,
    pki_types::{
        CertificateDer,
        pem::{Error, PemObject as _},
    },
};

use crate::document::{Fields, Problem, Problems};

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
