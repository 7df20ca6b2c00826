//! Other names than URIs, and authorities of which one stands above the other.

use rcgen::{DnType, ExtendedKeyUsagePurpose};

use super::*;

const MAP: &str = r#"
account = "APP"

[roles.sensor]
issuers = ["devices"]
idp_roles = ["sensors"]
publish = ["readings.>"]
"#;

const ISSUER: &str = r#"
[issuers.devices]
roles_claim = "organizational_units"

[issuers.devices.certificate]
authorities = "devices.pem"
identity = "subject"
"#;

/// Another issuer, for the authority of this certificate.
async fn with_devices(authority: impl FnOnce(&Scene) -> String) -> Scene {
    let mut scene = Scene::set(true).await;
    let directory = scene.world.directory();
    let path = directory.join("hallpass.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(path, text + ISSUER).unwrap();
    std::fs::write(directory.join("devices.pem"), authority(&scene)).unwrap();
    std::fs::write(directory.join("subject-maps/devices.toml"), MAP).unwrap();
    scene.world.add_hallpass(&[]).await;
    scene
}

#[tokio::test]
async fn a_subject_is_an_identity_and_its_units_are_roles() {
    let scene = with_devices(|scene| scene.other.pem()).await;
    let device = |name: &str, unit: &str| {
        scene.other.certify(scene.files.path(), name, |params| {
            params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
            params.distinguished_name.push(DnType::OrganizationName, "Example, Inc.");
            params.distinguished_name.push(DnType::OrganizationalUnitName, unit);
        })
    };
    scene.log_in("sensor-7", scene.showing(&device("sensor-7", "sensors"))).await;
    let event = scene.world.event_of("sensor-7").await;
    assert_eq!(event.text("/data/identity/issuer"), "devices");
    let subject = event.text("/data/identity/subject");
    assert_eq!(subject, r"OU=sensors,O=Example\, Inc.,CN=sensor-7", "as RFC 4514 has it");
    assert_eq!(event.json()["data"]["roles"], json!(["sensor"]));

    // A name that looks like two in the text is one in the certificate.
    let options = scene.showing(&device("liar", "x,OU=sensors"));
    assert_eq!(scene.world.refusal_of(options, "liar").await, "no_role");
    // An issuer's roles are not another's.
    let options = scene.showing(&scene.workload("workload", "spiffe://example.org/sensors"));
    assert_eq!(scene.world.refusal_of(options, "workload").await, "no_role");
}

#[tokio::test]
async fn a_root_and_an_authority_below_it_cannot_both_be_issuers() {
    let root = |scene: &Scene| std::fs::read_to_string(scene.ca()).unwrap();
    let scene = with_devices(root).await;
    let options = scene.showing(&scene.workload("below", CLERK));
    assert_eq!(scene.world.refusal_of(options, "below").await, "certificate_issuer_ambiguous");
}
