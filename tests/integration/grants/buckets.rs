use super::*;

async fn hall() -> Hall {
    let hall = Hall::with(&[
        ("reader", "[[grant]]\nkv = \"prefs\"\ncan = [\"read\"]"),
        ("watcher", "[[grant]]\nkv = \"prefs\"\ncan = [\"watch\"]"),
        ("writer", "[[grant]]\nkv = \"prefs\"\ncan = [\"write\", \"delete\"]"),
        (
            "alice",
            "[[grant]]\nkv = \"prefs\"\nkeys = \"{subject}.>\"\n\
             can = [\"read\", \"watch\", \"write\", \"delete\"]",
        ),
        ("alices-reader", "[[grant]]\nkv = \"prefs\"\nkeys = \"alice.>\"\ncan = [\"read\"]"),
        ("alices-watcher", "[[grant]]\nkv = \"prefs\"\nkeys = \"alice.>\"\ncan = [\"watch\"]"),
        ("starred", "[[grant]]\nkv = \"prefs\"\nkeys = \"*.theme\"\ncan = [\"read\", \"watch\"]"),
    ])
    .await;
    hall.bucket("prefs").await;
    hall.bucket("other").await;
    for bucket in ["prefs", "other"] {
        hall.stored(&format!("$KV.{bucket}.alice.theme"), "dark").await;
        hall.stored(&format!("$KV.{bucket}.bob.theme"), "light").await;
    }
    hall
}

#[tokio::test]
async fn a_bucket_is_read() {
    let hall = hall().await;
    for file in [PY, JS] {
        let expected = [
            ("kv.get prefs alice.theme", "dark"),
            ("kv.get prefs alice.theme 1", "dark"),
            ("message KV_prefs 2", "light"),
            ("kv.put prefs alice.theme x", DENIED),
            ("kv.delete prefs alice.theme", DENIED),
            ("kv.watch prefs >", DENIED),
            ("kv.get other alice.theme", DENIED),
            ("stream.purge KV_prefs", DENIED),
            ("stream.delete KV_prefs", DENIED),
        ];
        hall.expect(file, "reader", &expected).await;
    }
}

#[tokio::test]
async fn a_bucket_is_watched() {
    let hall = hall().await;
    for file in [PY, JS] {
        let expected = [
            ("kv.watch prefs >", "alice.theme=dark bob.theme=light"),
            ("kv.watch prefs alice.*", "alice.theme=dark"),
            ("kv.keys prefs", "alice.theme bob.theme"),
            ("kv.history prefs alice.theme", "dark"),
            ("last KV_prefs $KV.prefs.alice.theme", DENIED),
            ("message KV_prefs 1", DENIED),
            ("kv.put prefs alice.theme x", DENIED),
            ("kv.watch other >", DENIED),
            ("stream.purge KV_prefs", DENIED),
        ];
        hall.expect(file, "watcher", &expected).await;
    }
}

#[tokio::test]
async fn a_bucket_is_written() {
    let hall = hall().await;
    for file in [PY, JS] {
        let expected = [
            ("kv.put prefs alice.theme dim", "done"),
            ("kv.create prefs carol.theme red", "done"),
            ("kv.delete prefs carol.theme", "done"),
            ("kv.purge prefs carol.theme", "done"),
            ("last KV_prefs $KV.prefs.alice.theme", DENIED),
            ("kv.watch prefs >", DENIED),
            ("kv.put other alice.theme x", DENIED),
            ("stream.purge KV_prefs", DENIED),
        ];
        hall.expect(file, "writer", &expected).await;
        hall.api("STREAM.PURGE.KV_prefs", json!({ "filter": "$KV.prefs.carol.>" })).await;
    }
}

#[tokio::test]
async fn some_keys_are_all_there_is() {
    let hall = hall().await;
    for file in [PY, JS] {
        let expected = [
            ("kv.put prefs alice.font serif", "done"),
            ("kv.get prefs alice.font", "serif"),
            ("kv.put prefs bob.font x", DENIED),
            ("kv.delete prefs bob.theme", DENIED),
            ("kv.get prefs bob.theme", DENIED),
            // A revision is not named by its key.
            ("direct KV_prefs 2", DENIED),
            ("message KV_prefs 2", DENIED),
            ("kv.keys prefs", DENIED),
            ("kv.get other alice.theme", DENIED),
            ("kv.put other alice.theme x", DENIED),
            ("watch KV_prefs $KV.prefs.>", DENIED),
            ("watch KV_prefs $KV.prefs.bob.>", DENIED),
            ("watch KV_prefs >", DENIED),
            ("ephemeral KV_prefs >", DENIED),
            ("watch KV_prefs $KV.prefs.alice.>", "dark serif"),
            ("kv.delete prefs alice.font", "done"),
            ("kv.purge prefs alice.font", "done"),
            ("stream.purge KV_prefs", DENIED),
        ];
        hall.expect(file, "alice", &expected).await;
        hall.api("STREAM.PURGE.KV_prefs", json!({ "filter": "$KV.prefs.alice.font" })).await;
    }
    // The npm client's watch has the filter in its subject. nats-py's has not.
    let expected = [
        ("kv.watch prefs alice.>", "alice.theme=dark"),
        ("kv.keys prefs alice.>", "alice.theme"),
        ("kv.watch prefs bob.>", DENIED),
        ("kv.watch prefs >", DENIED),
        ("watch.several KV_prefs $KV.prefs.alice.> $KV.prefs.bob.>", DENIED),
    ];
    hall.expect(JS, "alice", &expected).await;
    hall.expect(PY, "alice", &[("kv.watch prefs alice.>", DENIED)]).await;
}

#[tokio::test]
async fn reading_and_watching_some_keys_are_apart() {
    let hall = hall().await;
    let expected = [
        ("kv.get prefs alice.theme", "dark"),
        ("kv.get prefs bob.theme", DENIED),
        ("watch KV_prefs $KV.prefs.alice.>", DENIED),
        ("kv.put prefs alice.theme x", DENIED),
    ];
    let watched = [
        ("last KV_prefs $KV.prefs.alice.theme", DENIED),
        ("watch KV_prefs $KV.prefs.alice.>", "dark"),
        ("watch KV_prefs $KV.prefs.bob.>", DENIED),
        ("kv.put prefs alice.theme x", DENIED),
    ];
    for file in [PY, JS] {
        hall.expect(file, "alices-reader", &expected).await;
        hall.expect(file, "alices-watcher", &watched).await;
    }
}

/// In the middle a `*` is safe: the server takes no `>` for a filter there.
#[tokio::test]
async fn a_star_in_the_middle_is_one_token() {
    let hall = hall().await;
    hall.stored("$KV.prefs.alice.font", "serif").await;
    hall.stored("$KV.prefs.alice.x.theme", "deep").await;
    let expected = [
        ("kv.get prefs alice.theme", "dark"),
        ("kv.get prefs alice.font", DENIED),
        ("kv.get prefs alice.x.theme", DENIED),
        (
            "last KV_prefs $KV.prefs.>.theme",
            "failed: nats: NotFoundError: code=None err_code=None description='None'",
        ),
        ("watch KV_prefs $KV.prefs.*.theme", "dark light"),
        (
            "watch KV_prefs $KV.prefs.>.theme",
            "failed: nats: ServerError: code=500 err_code=10052 description='invalid subject'",
        ),
        ("watch KV_prefs $KV.prefs.>", DENIED),
    ];
    hall.expect(PY, "starred", &expected).await;
}
