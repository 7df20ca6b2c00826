//! What is done to a trail, and what `verify` says of it.

use super::*;

async fn verdict(world: &World, lines: &[String]) -> String {
    let file = world.directory().join("tampered.ndjson");
    std::fs::write(&file, lines.join("\n") + "\n").unwrap();
    said(world, 2, &["verify", "--file", "tampered.ndjson"]).await
}

#[tokio::test]
async fn a_file_that_was_tampered_with_is_not_intact() {
    let (world, file) = exported().await;
    let whole = lines(&file);
    let at = whole.iter().position(|line| line.contains("token_malformed")).unwrap();
    let event: Value = serde_json::from_str(&whole[at]).unwrap();
    let sequence = event["sequence"].as_str().unwrap().trim_start_matches('0').to_owned();
    let of_instance =
        format!("event {sequence} of instance {}", &event["source"].as_str().unwrap()[9..]);
    let mut changed = whole.clone();
    changed[at] = whole[at].replace("token_malformed", "token_expired");
    let told = verdict(&world, &changed).await;
    assert!(told.contains(&format!("is changed: {of_instance}, at line {}", at + 1)), "{told}");
    let mut missing = whole.clone();
    missing.remove(at);
    let told = verdict(&world, &missing).await;
    assert!(told.contains(&format!("is missing: {of_instance}, at line {}", at + 1)), "{told}");
    let mut added = whole.clone();
    added.push(whole[at].clone());
    let told = verdict(&world, &added).await;
    assert!(told.contains(&format!("is added: {of_instance}")), "{told}");
    let mut stranger = whole.clone();
    stranger.insert(1, "{\"id\":\"x\"}".to_owned());
    let told = verdict(&world, &stranger).await;
    assert!(told.contains("is added: at line 2: no event of hallpass"), "{told}");
    // Where lines stand is nothing; what they say of their place is.
    let mut moved = whole.clone();
    moved.reverse();
    std::fs::write(&file, moved.join("\n") + "\n").unwrap();
    said(&world, 0, &["verify", "--complete", "--file", "trail.ndjson"]).await;
    let mut swapped = whole.clone();
    let renumbered = |line: &str, from: usize, to: usize| {
        line.replace(&format!("-{from}\","), &format!("-{to}\","))
            .replace(&format!("{from:020}"), &format!("{to:020}"))
    };
    let place = |number: usize| {
        whole.iter().position(|line| line.contains(&format!("\"{number:020}\""))).unwrap()
    };
    swapped[place(2)] = renumbered(&whole[place(2)], 2, 3);
    swapped[place(3)] = renumbered(&whole[place(3)], 3, 2);
    let told = verdict(&world, &swapped).await;
    assert!(told.contains("is reordered: event 3 of instance "), "{told}");
    // Of a part, nothing says that there was more; asked for the whole, something is missing.
    std::fs::write(&file, whole[1..].join("\n") + "\n").unwrap();
    said(&world, 0, &["verify", "--file", "trail.ndjson"]).await;
    let told = said(&world, 2, &["verify", "--complete", "--file", "trail.ndjson"]).await;
    assert!(told.contains("is missing: event 1 of instance "), "{told}");
}

#[tokio::test]
async fn who_can_write_to_the_stream_adds_nothing_unseen() {
    let (world, _) = exported().await;
    let before = said(&world, 0, &["verify"]).await;
    let writer = world.as_key("audit-writer", "_INBOX.hallpass-audit").await;
    let context = async_nats::jetstream::new(writer);
    let granted = world.event_of("in").await;
    let forged = String::from_utf8(granted.payload().to_vec()).unwrap();
    let forged = forged.replace("idp:alice", "idp:mallory");
    let sent = context.publish(granted.subject.clone(), forged.into()).await.unwrap();
    let sequence = sent.await.unwrap().sequence;
    let told = said(&world, 2, &["verify"]).await;
    let place = format!("at stream sequence {sequence}");
    assert!(before.starts_with("intact") && told.starts_with("not intact"), "{told}");
    assert!(told.lines().nth(1).unwrap().contains(&place), "{told}");
    assert!(told.contains("its hash is not that of what it says"), "{told}");
}
