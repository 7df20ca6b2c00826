//! Another key for the envelope, while clients come and go.

use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::{
    example,
    over_websocket::{ANOTHER_KEY, OverWebSocket, issuer},
};

#[tokio::test]
async fn the_edge_takes_another_key_with_a_reload_and_hallpass_knows_both() {
    let directory = tempfile::tempdir().unwrap();
    let name_key = |name: &str, key: [u8; 32]| {
        let key = STANDARD.encode(key);
        let text = format!(
            "global\n  setenv HALLPASS_EDGE_KEY {key}\n  setenv HALLPASS_EDGE_KEY_NAME {name}\n"
        );
        std::fs::write(directory.path().join("10-key.cfg"), text).unwrap();
    };
    name_key("edge-1", [7; 32]);
    let configuration = example("websocket/haproxy.cfg");
    std::fs::copy(configuration, directory.path().join("20-haproxy.cfg")).unwrap();
    let issuer = issuer().await;
    let scene = OverWebSocket::configured(&issuer, directory.path()).await;
    let token = issuer.sign(&issuer.claims("alice", &["orders:write"])).unwrap();
    let key = async |name: &str| {
        let ending = scene.knock("", &token, &["--bearer", "--name", name]).await;
        assert!(ending.status.success(), "{:?}", ending.said);
        scene.world.event_of(name).await.text("/data/edge/key")
    };
    assert_eq!(key("before").await, "edge-1");

    name_key("edge-2", ANOTHER_KEY);
    scene.haproxy.reload().await;
    // The new worker reads the server's address from the file, and here it was told it.
    scene.introduce().await;
    assert_eq!(key("after").await, "edge-2");

    // A name alone does not do.
    name_key("edge-2", [9; 32]);
    scene.haproxy.reload().await;
    scene.introduce().await;
    let ending = scene.knock("", &token, &["--bearer", "--name", "stranger"]).await;
    assert!(!ending.status.success());
    assert_eq!(scene.world.event_of("stranger").await.text("/data/code"), "edge_forged");
}
