//! `[issuers.NAME.certificate]`: an issuer whose word is a certificate, not a token.

use std::{collections::BTreeSet, path::Path, str::FromStr};

use rustls::pki_types::{CertificateDer, pem::PemObject as _};
use sha2::{Digest as _, Sha256};

use super::claims::{self, RolesClaim, RolesForm};
use crate::{
    claim_path::ClaimPath,
    config::certificates::certificate_file,
    document::{Fields, Problems},
    names::IssuerName,
};

/// An authority whose certificates are identities.
#[derive(Debug, Clone)]
pub struct CertificateIssuer {
    /// What hallpass calls it.
    pub name: IssuerName,
    /// SHA-256 of the certificates of which one must stand in the verified chain.
    pub authorities: BTreeSet<[u8; 32]>,
    /// Which of the certificate's names is the identity.
    pub identity: CertificateName,
    /// What that must begin with.
    pub subject_prefix: Option<String>,
    /// Where among the certificate's names the roles stand.
    pub roles: RolesClaim,
}

/// A kind of name in a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CertificateName {
    /// A URI among the alternative names, as SPIFFE ids are.
    SanUri,
    /// A DNS name among the alternative names.
    SanDns,
    /// An e-mail address among the alternative names.
    SanEmail,
    /// The subject, as RFC 4514 writes it.
    Subject,
}

impl FromStr for CertificateName {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "san_uri" => Ok(Self::SanUri),
            "san_dns" => Ok(Self::SanDns),
            "san_email" => Ok(Self::SanEmail),
            "subject" => Ok(Self::Subject),
            _ => Err("is no name of a certificate"),
        }
    }
}

/// Reads an issuer that has a section `certificate`.
pub(super) fn issuer(
    name: Option<IssuerName>,
    fields: &mut Fields<'_>,
    directory: &Path,
    problems: &mut Problems,
) -> Option<CertificateIssuer> {
    let node = fields.node("certificate")?;
    let subject_prefix = claims::subject_prefix(fields, problems);
    let roles = match fields.node("roles_claim") {
        Some(_) => claims::roles(fields, problems),
        None => ClaimPath::from_dotted("sub")
            .ok()
            .map(|path| RolesClaim { path, form: RolesForm::Value }),
    };
    let mut section = Fields::of(node, "`certificate`", problems);
    section.required("authorities", "`authorities = \"mesh-ca.pem\"`", problems);
    let authorities = certificate_file("authorities", &mut section, directory, problems);
    let example = "`identity = \"san_uri\"`, `\"san_dns\"`, `\"san_email\"` or `\"subject\"`";
    let identity = section.required_parsed("identity", example, problems);
    section.finish(problems);
    let hashes = |path: &Path| -> Option<BTreeSet<_>> {
        let found = CertificateDer::pem_file_iter(path).ok()?;
        found.map(|it| Some(Sha256::digest(it.ok()?).into())).collect()
    };
    Some(CertificateIssuer {
        name: name?,
        // What is wrong with the file is told where it is judged.
        authorities: hashes(&authorities?)?,
        identity: identity?,
        subject_prefix,
        roles: roles?,
    })
}
