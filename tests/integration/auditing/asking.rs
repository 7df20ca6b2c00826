//! Asking for what a line shows, for a token in hand, and without hallpass's own connections.

use super::*;
use crate::support::run_with;

/// The lines that a query finds, or what it says where it finds none.
async fn found(world: &World, arguments: &[&str]) -> Vec<String> {
    let told = said(world, 0, &[&["query"], arguments].concat()).await;
    told.lines().map(str::to_owned).collect()
}

#[tokio::test]
async fn what_a_line_shows_can_be_asked_for() {
    let world = World::start().await;
    world.log_in("in", &world.token("alice", &["orders:read"])).await.unwrap();
    let expired = world.token_with("bob", &["orders:read"], |claims| {
        claims["exp"] = (claims["iat"].as_i64().unwrap() - 60).into();
        claims["iat"] = (claims["iat"].as_i64().unwrap() - 600).into();
    });
    assert_eq!(world.refusal("out", &expired).await, "token_expired");
    let lines = found(&world, &["--type", "decision"]).await;
    let [granted, refused] = &lines[..] else { panic!("{lines:?}") };
    let column = |line: &str, index| line.split_whitespace().nth(index).unwrap().to_owned();
    assert_eq!(column(refused, 3), "(idp:bob)");
    for line in [granted, refused] {
        let only = std::slice::from_ref(line);
        assert_eq!(found(&world, &["--decision", &column(line, 2)]).await, only);
        let by_name = ["--type", "decision", "--subject", &column(line, 3)];
        assert_eq!(found(&world, &by_name).await, only);
    }
    let instances = found(&world, &["--type", "instance"]).await;
    let instance = column(&instances[0], 2);
    let asked = ["--type", "decision", "--instance", &instance];
    assert_eq!(found(&world, &asked).await, lines, "{instance}");
    let other = ["--instance", "0000-1"];
    assert_eq!(found(&world, &other).await, ["no event matches"]);
    for wrong in [["--decision", "x"], ["--fingerprint", "no-hex"], ["--limit", "0"]] {
        let told = said(&world, 1, &[&["query"], &wrong[..]].concat()).await;
        assert!(told.contains(wrong[0]), "{told}");
    }
}

#[tokio::test]
async fn a_token_in_hand_is_found_by_its_fingerprint_id_and_client() {
    let world = World::start().await;
    let token = world.token_with("alice", &["orders:read"], |claims| {
        claims["jti"] = "t-1".into();
        claims["azp"] = "portal".into();
    });
    world.log_in("in", &token).await.unwrap();
    world.log_in("other", &world.token("alice", &["orders:read"])).await.unwrap();
    let (signed, _) = token.rsplit_once('.').unwrap();
    let forged = format!("{signed}.{}", "A".repeat(86));
    world.refusal("forged", &forged).await;

    // With the key alone: neither NATS nor a seed is needed.
    let elsewhere = tempfile::tempdir().unwrap();
    let key = std::fs::read_to_string(world.directory().join("keys/audit.key")).unwrap();
    std::fs::write(elsewhere.path().join("audit.key"), key).unwrap();
    let configuration = "[audit]\nkey = { command = [\"cat\", \"audit.key\"] }\n";
    std::fs::write(elsewhere.path().join("hallpass.toml"), configuration).unwrap();
    let fingerprint = async |token: &str| {
        let input = format!("{token}\n");
        let output = run_with(elsewhere.path(), &["audit", "fingerprint"], &input).await;
        assert_eq!(code(&output), 0, "{}", text(&output.stderr));
        assert!(!text(&output.stderr).contains(token));
        text(&output.stdout).trim_end().to_owned()
    };
    for (token, name) in [(&token, "in"), (&forged, "forged")] {
        let fingerprint = fingerprint(token).await;
        let event = world.event_of(name).await;
        assert_eq!(event.text("/data/credential/fingerprint"), fingerprint);
        let digits = fingerprint.trim_start_matches("hmac-sha256:");
        for asked in [fingerprint.as_str(), digits, &digits[..8]] {
            let lines = found(&world, &["--fingerprint", asked, "--wide"]).await;
            assert!(lines.len() == 1 && lines[0].contains(&format!("name={name} ")), "{lines:?}");
        }
    }
    for asked in [["--token-id", "t-1"], ["--client", "portal"]] {
        let lines = found(&world, &[&asked[..], &["--wide"]].concat()).await;
        assert!(lines.len() == 1 && lines[0].contains("name=in "), "{asked:?}: {lines:?}");
    }

    let nothing = run_with(elsewhere.path(), &["audit", "fingerprint"], " \n").await;
    assert_eq!(code(&nothing), 1);
    let long = "x".repeat(1024 * 1024 + 1);
    let long = run_with(elsewhere.path(), &["audit", "fingerprint"], &long).await;
    assert_eq!((code(&long), text(&long.stdout)), (1, String::new()), "no fingerprint of a piece");
    let named = run(elsewhere.path(), &["audit", "fingerprint", "TOKEN"]).await;
    assert_eq!(code(&named), 1, "never on the command line");
    std::fs::write(elsewhere.path().join("hallpass.toml"), "[audit]\n").unwrap();
    let keyless = run_with(elsewhere.path(), &["audit", "fingerprint"], "x").await;
    assert_eq!(code(&keyless), 3);
    assert!(text(&keyless.stderr).contains("hallpass init"), "{}", text(&keyless.stderr));
}

#[tokio::test]
async fn hallpass_s_own_connections_are_named_and_left_out_on_demand_but_nobody_else_s() {
    let world = World::start().await;
    world.hallpass[0].says("connections are recorded").await;
    let mallory = "hallpass-audit-query";
    drop(world.log_in(mallory, &world.token("mallory", &["orders:read"])).await.unwrap());
    let sessions = ["--type", "session", "--client-name", mallory];
    // Two of Mallory, and at least two of the queries that ran before.
    let all = eventually("what the reader's connections leave", || async {
        let lines = found(&world, &sessions).await;
        let ended = lines.iter().filter(|it| it.contains("  ended ")).count();
        (ended >= 2 && lines.len() >= 4).then_some(lines)
    })
    .await;
    let reader = &world.keys.audit_reader[..10];
    let named = |line: &String| line.contains(reader) && line.contains("session AUDIT hallpass-a");
    assert!(all.iter().any(named), "{all:#?}");

    let left = found(&world, &[&sessions[..], &["--no-own"]].concat()).await;
    assert_eq!(left.len(), 2, "{left:#?}");
    assert!(left[0].contains("idp:mallory") && left[1].contains("  ended "), "{left:#?}");
    let ends = found(&world, &[&sessions[..], &["--no-own", "--outcome", "ended"]].concat()).await;
    assert_eq!(ends, left[1..], "what is left out is known without its start being asked for");
}

#[tokio::test]
async fn who_cannot_read_is_told_what_is_wrong() {
    let mut world = World::builder().replicas(0).start().await;
    let told = said(&world, 1, &["query"]).await;
    let expected = "error: there is no stream `HALLPASS_AUDIT` in the account `AUDIT`: `hallpass \
        serve` makes it";
    assert!(told.starts_with(expected), "{told}");
    let told = said(&world, 1, &["query", "--set", "audit.stream=OTHER"]).await;
    assert!(
        told.contains("nobody answers for the stream `OTHER` in the account `AUDIT`"),
        "{told}"
    );
    assert!(told.contains("publish to `$JS.API.STREAM.INFO.OTHER`"), "{told}");
    world.nats.stop().await;
    let told = said(&world, 1, &["tail"]).await;
    assert!(told.starts_with("error: NATS is not there at nats://127.0.0.1:"), "{told}");
    world.hallpass.clear();
}
