//! hallpass itself, before a server that asks every client for a certificate.

use super::*;
use crate::support::{code, run, text};

#[tokio::test]
async fn hallpass_shows_the_certificate_that_its_settings_name() {
    let mut scene = Scene::set(true).await;
    let path = scene.world.directory().join("hallpass.toml");
    let usual = std::fs::read_to_string(&path).unwrap();
    let without: String = usual
        .lines()
        .filter(|line| !line.starts_with("cert_file") && !line.starts_with("key_file"))
        .map(|line| format!("{line}\n"))
        .collect();
    assert_ne!(without, usual);
    std::fs::write(&path, without).unwrap();
    let mut without = Hallpass::start(scene.world.directory(), &[]);
    let line = without.says("NATS is not there yet at").await;
    assert!(line.to_lowercase().contains("certificate"), "{line}");
    assert!(without.terminate().await.success());

    // The service, the audit writer and, here, the audit reader.
    std::fs::write(&path, usual).unwrap();
    scene.world.add_hallpass(&[]).await;
    let line = scene.world.hallpass[0].says("hallpass starts").await;
    assert!(line.contains(r#"certificates=["mesh"]"#), "{line}");
    let own = scene.workload("own", CLERK);
    scene.log_in("own", scene.showing(&own)).await;
    let tail = run(scene.world.directory(), &["audit", "tail", "--no-follow", "--json"]).await;
    assert_eq!(code(&tail), 0, "{}", text(&tail.stderr));
    assert!(text(&tail.stdout).contains(CLERK), "{}", text(&tail.stdout));
    let check = run(scene.world.directory(), &["check"]).await;
    assert_eq!(code(&check), 0, "{}", text(&check.stderr));
    assert!(text(&check.stderr).contains("can be read by others"), "{}", text(&check.stderr));
}
