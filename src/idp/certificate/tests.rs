use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    SanType, date_time_ymd,
};

use super::*;
use crate::{
    claim_path::ClaimPath,
    code::Code::*,
    config::{RolesClaim, RolesForm},
    identity::Identity,
    testkit::now,
};

/// An authority of the tests.
struct Authority {
    pem: String,
    hash: CertificateHash,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        let hash = hash(certificate.der());
        Self { pem: certificate.pem(), hash, issuer: Issuer::new(params, key) }
    }

    /// A certificate with these names, valid while the tests take place.
    fn certify(&self, change: impl FnOnce(&mut CertificateParams)) -> String {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.not_before = date_time_ymd(2026, 1, 1);
        params.not_after = date_time_ymd(2028, 1, 1);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        change(&mut params);
        params.signed_by(&KeyPair::generate().unwrap(), &self.issuer).unwrap().pem()
    }

    fn believed(&self, name: &str, identity: CertificateName) -> CertificateIssuer {
        CertificateIssuer {
            name: name.parse().unwrap(),
            authorities: BTreeSet::from([self.hash]),
            identity,
            subject_prefix: None,
            roles: RolesClaim {
                path: ClaimPath::from_dotted("sub").unwrap(),
                form: RolesForm::Value,
            },
        }
    }
}

fn presented(chains: &[&[&str]]) -> Result<Option<PresentedCertificate>, Code> {
    let chains = chains.iter().map(|chain| chain.iter().map(|it| (*it).to_owned()).collect());
    PresentedCertificate::of(&ClientTls { verified_chains: chains.collect(), ..Default::default() })
}

fn uri(text: &str) -> SanType {
    SanType::URI(text.try_into().unwrap())
}

/// Whom a certificate with these names is taken for.
fn subject(
    identity: CertificateName,
    change: impl FnOnce(&mut CertificateParams),
) -> Result<String, Code> {
    let authority = Authority::new();
    let leaf = authority.certify(change);
    let presented = presented(&[&[&leaf, &authority.pem]]).unwrap().unwrap();
    let issuer = authority.believed("mesh", identity);
    presented
        .verify(&issuer, now())
        .map(|verified| verified.subject().to_owned())
        .map_err(|refusal| refusal.code)
}

#[test]
fn a_workload_is_its_spiffe_id() {
    let authority = Authority::new();
    let leaf = authority.certify(|params| {
        params.subject_alt_names = vec![uri("spiffe://prod.example/ns/shop/sa/orders")];
        params.distinguished_name.push(DnType::OrganizationalUnitName, "SPIRE");
    });
    let presented = presented(&[&[&leaf, &authority.pem]]).unwrap().unwrap();
    let issuer = authority.believed("mesh", CertificateName::SanUri);
    assert_eq!(presented.issuer(std::slice::from_ref(&issuer)).unwrap().name, issuer.name);
    let verified = presented.verify(&issuer, now()).unwrap();
    let identity = Identity::of_certificate(&verified, &issuer).unwrap();
    assert_eq!(identity.who().user_name(), "mesh:spiffe://prod.example/ns/shop/sa/orders");
    let roles: Vec<_> = identity.who().idp_roles.iter().collect();
    assert_eq!(roles, ["spiffe://prod.example/ns/shop/sa/orders"]);
    assert_eq!(identity.who().claims["organizational_units"], json!(["SPIRE"]));
    assert_eq!(verified.expires_at().to_string(), "2028-01-01T00:00:00Z");
    assert!(!format!("{verified:?}").contains("orders"));
}

#[test]
fn each_kind_of_name_can_be_the_identity() {
    let dns = |params: &mut CertificateParams| {
        params.subject_alt_names = vec![SanType::DnsName("a.example.com".try_into().unwrap())];
    };
    assert_eq!(subject(CertificateName::SanDns, dns), Ok("a.example.com".to_owned()));
    let mail = |params: &mut CertificateParams| {
        params.subject_alt_names = vec![SanType::Rfc822Name("a@example.com".try_into().unwrap())];
    };
    assert_eq!(subject(CertificateName::SanEmail, mail), Ok("a@example.com".to_owned()));
    let name = |params: &mut CertificateParams| {
        params.distinguished_name = Default::default();
        params.distinguished_name.push(DnType::OrganizationName, "Example, Inc.");
        params.distinguished_name.push(DnType::CommonName, "alice");
    };
    assert_eq!(
        subject(CertificateName::Subject, name),
        Ok("CN=alice,O=Example\\, Inc.".to_owned()),
        "RFC 4514: the last comes first, and a comma is not a separator"
    );
}

#[test]
fn a_name_that_is_missing_or_there_twice_is_nobodys() {
    for kind in [CertificateName::SanUri, CertificateName::SanDns, CertificateName::SanEmail] {
        assert_eq!(subject(kind, |_| {}), Err(CertificateIdentityAbsent));
    }
    // rcgen puts a name in unless it is told not to.
    let nameless = |params: &mut CertificateParams| params.distinguished_name = Default::default();
    assert_eq!(subject(CertificateName::Subject, nameless), Err(CertificateIdentityAbsent));
    let two = |params: &mut CertificateParams| {
        params.subject_alt_names = vec![uri("spiffe://a/1"), uri("spiffe://a/2")];
    };
    assert_eq!(subject(CertificateName::SanUri, two), Err(CertificateIdentityAmbiguous));
    let other = |params: &mut CertificateParams| {
        params.subject_alt_names =
            vec![uri("spiffe://a/1"), SanType::DnsName("a.example".try_into().unwrap())];
    };
    assert_eq!(subject(CertificateName::SanUri, other), Ok("spiffe://a/1".to_owned()));
}

#[test]
fn a_trust_domain_is_a_prefix() {
    let authority = Authority::new();
    let mut issuer = authority.believed("mesh", CertificateName::SanUri);
    issuer.subject_prefix = Some("spiffe://prod.example/".to_owned());
    let verify = |id: &str| {
        let leaf = authority.certify(|params| params.subject_alt_names = vec![uri(id)]);
        let presented = presented(&[&[&leaf, &authority.pem]]).unwrap().unwrap();
        presented.verify(&issuer, now()).map(|_| ()).map_err(|refusal| refusal.code)
    };
    assert_eq!(verify("spiffe://prod.example/a"), Ok(()));
    assert_eq!(verify("spiffe://prod.example.evil/a"), Err(SubjectPrefixMismatch));
}

#[test]
fn only_an_authority_that_is_configured_vouches() {
    let (mesh, other) = (Authority::new(), Authority::new());
    let issuers = [
        mesh.believed("mesh", CertificateName::SanUri),
        other.believed("other", CertificateName::SanUri),
    ];
    let leaf = mesh.certify(|_| {});
    let by = |chains: &[&[&str]], issuers: &[CertificateIssuer]| {
        let presented = presented(chains).unwrap().unwrap();
        presented.issuer(issuers).map(|issuer| issuer.name.to_string())
    };
    assert_eq!(by(&[&[&leaf, &mesh.pem]], &issuers), Ok("mesh".to_owned()));
    assert_eq!(by(&[&[&leaf, &mesh.pem]], &issuers[1..]), Err(CertificateIssuerUnknown));
    assert_eq!(by(&[&[&leaf]], &issuers), Err(CertificateIssuerUnknown), "no authority above it");
    assert_eq!(
        by(&[&[&leaf, &mesh.pem], &[&leaf, &other.pem]], &issuers),
        Err(CertificateIssuerAmbiguous)
    );
    // A certificate does not vouch for itself, even where it is an authority's.
    assert_eq!(by(&[&[&mesh.pem]], &issuers), Err(CertificateIssuerUnknown));
}

#[test]
fn only_what_is_valid_now_identifies() {
    let verify = |from: i32, to: i32| {
        subject(CertificateName::Subject, |params| {
            params.not_before = date_time_ymd(from, 1, 1);
            params.not_after = date_time_ymd(to, 1, 1);
        })
    };
    assert!(verify(2026, 2028).is_ok());
    assert_eq!(verify(2025, 2026), Err(CertificateExpired));
    assert_eq!(verify(2028, 2029), Err(CertificateExpired));
}

/// RFC 5280, section 4.1.2.5: the date of devices that are made to outlast everybody.
#[test]
fn one_without_a_known_end_is_valid() {
    let authority = Authority::new();
    let leaf = authority.certify(|params| {
        params.not_after = date_time_ymd(9999, 12, 31) + std::time::Duration::from_secs(86_399);
        params.subject_alt_names = vec![uri("spiffe://example.org/a")];
    });
    let presented = presented(&[&[&leaf, &authority.pem]]).unwrap().unwrap();
    let issuer = authority.believed("mesh", CertificateName::SanUri);
    assert_eq!(presented.verify(&issuer, now()).unwrap().expires_at(), Timestamp::MAX);
}

#[test]
fn what_the_server_did_not_verify_or_nobody_can_read_is_nothing() {
    assert!(presented(&[]).unwrap().is_none());
    assert!(presented(&[&[]]).unwrap().is_none());
    let authority = Authority::new();
    let (one, other) = (authority.certify(|_| {}), authority.certify(|_| {}));
    let torn = &one[..one.len() / 2];
    for chains in [&[&["x"][..]][..], &[&[torn]], &[&[&one, "x"]], &[&[&one], &[&other]]] {
        assert_eq!(presented(chains).unwrap_err(), CertificateUnreadable);
    }
    let many = vec![one.as_str(); 33];
    assert_eq!(presented(&[&many]).unwrap_err(), CertificateUnreadable);
    // PEM around what is no certificate is read only where it would be an identity.
    let odd = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    let presented = presented(&[&[odd, &authority.pem]]).unwrap().unwrap();
    let issuer = authority.believed("mesh", CertificateName::Subject);
    assert_eq!(presented.verify(&issuer, now()).unwrap_err().code, CertificateUnreadable);
}

#[test]
fn the_hash_is_that_of_the_der() {
    let authority = Authority::new();
    let leaf = authority.certify(|_| {});
    let der = CertificateDer::from_pem_slice(leaf.as_bytes()).unwrap();
    let expected: CertificateHash = Sha256::digest(&der).into();
    assert_eq!(presented(&[&[&leaf]]).unwrap().unwrap().hash(), &expected);
}
