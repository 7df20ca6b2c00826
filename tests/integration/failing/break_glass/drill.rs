//! The drill of `docs/when-parts-fail.md`, as it stands there.

use std::os::unix::fs::PermissionsExt;

use async_nats::ConnectOptions;

use super::*;
use crate::{
    failing::proxy::proxy,
    support::{OidcProvider, nats_cli, printed},
};

/// The commands of the drill on the page, with what they print.
fn drill() -> Vec<String> {
    let page = include_str!("../../../../docs/when-parts-fail.md");
    let (_, drill) = page.split_once("\n## The drill\n").unwrap();
    let blocks = drill.split("   ```console\n").skip(1);
    let lines = |block: &str| {
        let (block, _) = block.split_once("   ```").unwrap();
        block.lines().map(|it| format!("{}\n", it.strip_prefix("   ").unwrap())).collect()
    };
    blocks.map(lines).collect()
}

/// What is the same each time: words with a digit are times, ids, keys and versions.
fn same_each_time(text: &str) -> String {
    let word = |word: &str| match word.contains(|c: char| c.is_ascii_digit()) {
        true => "#".to_owned(),
        false => word.to_owned(),
    };
    let line = |line: &str| line.split_whitespace().map(word).collect::<Vec<_>>().join(" ");
    text.lines().map(line).collect::<Vec<_>>().join("\n")
}

/// Runs a block of the drill where the world is.
async fn plays(world: &World, block: &str) {
    let tools = world.directory().join("tools");
    std::fs::create_dir_all(&tools).unwrap();
    let nats = tools.join("nats");
    if !nats.exists() {
        // At home in the world's directory, whoever runs this.
        let home = world.directory().display();
        let script = format!(
            "#!/bin/sh\nHOME={home} XDG_CONFIG_HOME={home} exec {} \"$@\"\n",
            nats_cli().display()
        );
        std::fs::write(&nats, script).unwrap();
        std::fs::set_permissions(&nats, PermissionsExt::from_mode(0o755)).unwrap();
    }
    let shown = block.replace("$ nats ", "$ tools/nats ");
    let shown = shown.replace("nats://nats-1:4222", world.nats.url());
    let printed = printed(world.directory(), &shown).await;
    assert_eq!(same_each_time(&printed), same_each_time(&shown));
}

/// All of ours is down: the proxy, the IdP and hallpass.
#[tokio::test]
async fn one_that_came_and_went_while_hallpass_was_away_is_an_alarm_when_it_is_back() {
    let idp = OidcProvider::start(&[]).await;
    let mut world = idp.world().start().await;
    let (mut proxy, edge) = proxy(&world).await;
    let clerk = ConnectOptions::with_token(idp.token("clerk").await);
    clerk.connect(&edge).await.expect("all of it works");
    proxy.stop().await;
    idp.kill().await;
    assert!(world.hallpass[0].terminate().await.success());
    let claims = json!({ "nkey": world.keys.break_glass, "sig": "AAAA" });
    Wire::connect(world.nats.url(), "claims", claims).await.err().unwrap();

    let [by_hand, tells] = &drill()[..] else { panic!("the drill has two blocks") };
    plays(&world, by_hand).await;

    let back = Hallpass::start(world.directory(), WITH_METRICS);
    let line = back.says("alarm: a break-glass user logged in, past hallpass").await;
    for word in ["ERROR", &world.keys.break_glass, "nobody here heard of it then", "until="] {
        assert!(line.contains(word), "{word}: {line}");
    }
    let alarm = alarms(&world, 1).await.remove(0);
    let data = &alarm["data"];
    assert_eq!((&data["found"], &data["account"]), (&json!(true), &json!("APP")));
    assert_eq!(data["user_name"], world.keys.break_glass);
    assert_eq!(data["reason"], "Client Closed");
    assert!(data["started_at"].as_str() < data["ended_at"].as_str());
    assert!(data["ended_at"].as_str() < alarm["time"].as_str());
    assert_eq!(counted(&back).await, 1);
    world.hallpass = vec![back];
    plays(&world, tells).await;
}
