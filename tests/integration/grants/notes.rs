//! What the notes of grants say, by their names in `src/policy/grants/notes.rs`.

use super::*;

/// Streams of two kinds, a bucket, and somebody with a narrow grant of each.
async fn hall(grant: &str) -> Hall {
    let hall = Hall::with(&[("alice", grant)]).await;
    hall.stream("ORDERS", "orders.>").await;
    hall.stream("OTHER", "other.>").await;
    for (subject, data) in [("orders.alice", "a"), ("orders.bob", "b"), ("other.1", "o")] {
        hall.stored(subject, data).await;
    }
    hall.consumer("ORDERS", "billing", json!({})).await;
    hall.bucket("prefs").await;
    hall.stored("$KV.prefs.alice.theme", "dark").await;
    hall.stored("$KV.prefs.bob.theme", "light").await;
    hall
}

fn keys(can: &str) -> String {
    format!("[[grant]]\nkv = \"prefs\"\nkeys = \"alice.>\"\ncan = [{can}]")
}

const WATCH: &str =
    "[[grant]]\nstream = \"ORDERS\"\ncan = [\"watch\"]\nsubjects = [\"orders.alice\"]";
const CONSUMER: &str = "[[grant]]\nstream = \"ORDERS\"\nconsumer = \"billing\"\ncan = [\"read\"]";
const GET: &str = "publish $JS.API.DIRECT.GET.KV_prefs.$KV.prefs.alice.theme ";

/// Creates a consumer by the call that has its filter in the subject.
fn create(name: &str, filter: &str, more: Value) -> String {
    let mut config = json!({ "name": name, "filter_subject": filter, "ack_policy": "explicit" });
    config.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let body = json!({ "stream_name": "ORDERS", "config": config });
    format!("request $JS.API.CONSUMER.CREATE.ORDERS.{name}.{filter} {body}")
}

#[tokio::test]
async fn replies() {
    let grants = format!("{}\n{CONSUMER}", keys("\"read\", \"write\", \"delete\""));
    let hall = hall(&grants).await;
    let mut ear = hall.ear("elsewhere.>").await;
    hall.expect(PY, "alice", &[(&format!("{GET} elsewhere.read"), "done")]).await;
    assert_eq!(next(&mut ear).await, "elsewhere.read dark");
    let written = "publish $KV.prefs.alice.theme dim elsewhere.stored";
    hall.expect(PY, "alice", &[(written, "done")]).await;
    assert!(next(&mut ear).await.starts_with("elsewhere.stored {\"stream\":\"KV_prefs\""));
    // Into a stream, and by a consumer.
    hall.expect(PY, "alice", &[(&format!("{GET} other.read"), "done")]).await;
    hall.comes_to("OTHER", 2).await;
    let fetch = "publish $JS.API.CONSUMER.MSG.NEXT.ORDERS.billing 1 other.fetched";
    hall.expect(PY, "alice", &[(fetch, "done")]).await;
    hall.comes_to("OTHER", 3).await;
}

#[tokio::test]
async fn direct_get() {
    let hall = hall(&keys("\"read\"")).await;
    let purge = format!("{GET} $JS.API.STREAM.PURGE.OTHER");
    let outright = [("stream.purge OTHER", DENIED), (&*purge, "done")];
    hall.expect(PY, "alice", &outright).await;
    hall.comes_to("OTHER", 0).await;
}

#[tokio::test]
async fn direct_get_of_a_message_of_ones_own() {
    let hall = hall(&keys("\"read\", \"write\", \"delete\"")).await;
    let stream =
        json!({ "name": "MINE", "subjects": ["mine.>"], "sources": [{ "name": "ORDERS" }] });
    let operations = [
        ("stream.create MINE mine.>", DENIED),
        (&*format!("kv.put prefs alice.theme {stream}"), "done"),
        (&*format!("{GET} $JS.API.STREAM.CREATE.MINE"), "done"),
    ];
    hall.expect(PY, "alice", &operations).await;
    let names = || async {
        let names = hall.api("STREAM.NAMES", Value::Null).await["streams"].to_string();
        names.contains("MINE").then_some(())
    };
    eventually("the stream", names).await;
    hall.comes_to("MINE", 2).await;
}

#[tokio::test]
async fn deliver() {
    let hall = hall(WATCH).await;
    let mut ear = hall.ear("elsewhere.pushed").await;
    let push = json!({ "deliver_subject": "elsewhere.pushed", "ack_policy": "none" });
    hall.does(PY, "alice", &[&create("mine", "orders.alice", push)]).await;
    assert_eq!(next(&mut ear).await, "orders.alice a");
}

#[tokio::test]
async fn any_consumer() {
    let hall = hall("[[grant]]\nstream = \"ORDERS\"\ncan = [\"read\"]").await;
    let change = create("billing", "orders.bob", json!({ "durable_name": "billing" }));
    hall.does(PY, "alice", &[&change]).await;
    let info = hall.api("CONSUMER.INFO.ORDERS.billing", Value::Null).await;
    assert_eq!(info["config"]["filter_subject"], "orders.bob");
    hall.expect(PY, "alice", &[("fetch ORDERS billing", "b")]).await;
}

#[tokio::test]
async fn changed_consumer() {
    let hall = hall(WATCH).await;
    let change = create("billing", "orders.alice", json!({ "durable_name": "billing" }));
    let outcomes = hall.does(PY, "alice", &[&change, "fetch ORDERS billing"]).await;
    assert_eq!(outcomes[1], DENIED);
    let info = hall.api("CONSUMER.INFO.ORDERS.billing", Value::Null).await;
    assert_eq!(info["config"]["filter_subject"], "orders.alice");
}

#[tokio::test]
async fn consumes() {
    let hall = hall(&CONSUMER.replace("ORDERS", "WORK")).await;
    hall.stream_with("WORK", "work", json!({ "retention": "workqueue" })).await;
    hall.consumer("WORK", "billing", json!({})).await;
    hall.stored("work", "w").await;
    hall.expect(PY, "alice", &[("fetch WORK billing", "w")]).await;
    hall.comes_to("WORK", 0).await;
}

#[tokio::test]
async fn any_filter() {
    let manage = CONSUMER.replace("\"read\"", "\"read\", \"manage\"");
    let several =
        json!({ "filter_subjects": ["orders.alice", "orders.bob"], "ack_policy": "explicit" });
    let body = json!({ "stream_name": "ORDERS", "config": several });
    let unfiltered = format!("request $JS.API.CONSUMER.CREATE.ORDERS.billing {body}");
    let hall_of_any = hall(&manage).await;
    hall_of_any.expect(PY, "alice", &[("consumer.delete ORDERS billing", "done")]).await;
    hall_of_any.does(PY, "alice", &[&unfiltered]).await;
    hall_of_any.expect(PY, "alice", &[("fetch ORDERS billing 2", "a b")]).await;

    // With `subjects` there is one filter, the one in the subject.
    let hall = hall(&format!("{manage}\nsubjects = [\"orders.alice\"]")).await;
    let smuggled = create("billing", "orders.alice", json!({ "filter_subjects": ["orders.bob"] }));
    let other = create("billing", "orders.alice", json!({ "filter_subject": "orders.bob" }));
    let outcomes = hall.does(PY, "alice", &[&unfiltered, &smuggled, &other]).await;
    assert_eq!(outcomes[0], DENIED);
    assert!(outcomes[1].contains("cannot use subject based API"), "{outcomes:?}");
    assert!(outcomes[2].contains("did not match filtered subject"), "{outcomes:?}");
}

#[tokio::test]
async fn foreign_filter() {
    let manage = CONSUMER.replace("\"read\"", "\"read\", \"manage\"");
    let hall = hall(&format!("{manage}\nsubjects = [\"orders.alice\"]")).await;
    hall.expect(PY, "alice", &[("fetch ORDERS billing 2", "a b")]).await;
}

#[tokio::test]
async fn info() {
    let hall = hall(&keys("\"read\"")).await;
    let ask = "request $JS.API.STREAM.INFO.KV_prefs {\"subjects_filter\":\">\"}";
    let outcomes = hall.does(PY, "alice", &[ask]).await;
    let info: Value = serde_json::from_str(&outcomes[0]).unwrap();
    assert_eq!(info["state"]["subjects"]["$KV.prefs.bob.theme"], 1);
}

#[tokio::test]
async fn headers() {
    let grant = "[[grant]]\nstream = \"PLANS\"\ncan = [\"publish\"]\nsubjects = [\"plans.alice\"]";
    let hall = hall(grant).await;
    let more =
        json!({ "allow_rollup_hdrs": true, "allow_msg_schedules": true, "allow_msg_ttl": true });
    hall.stream_with("PLANS", "plans.>", more).await;
    hall.stored("plans.bob", "b").await;
    let headers = "Nats-Schedule=@at_2020-01-01T00:00:00Z Nats-Schedule-Target=plans.carol";
    let schedule = format!("publish plans.alice forged - {headers}");
    hall.expect(PY, "alice", &[("store plans.carol x", DENIED), (&schedule, "done")]).await;
    eventually("the scheduled message", || async {
        let ask = json!({ "last_by_subj": "plans.carol" }).to_string();
        let answer = hall.admin.request("$JS.API.STREAM.MSG.GET.PLANS", ask.into()).await.ok()?;
        let answer: Value = serde_json::from_slice(&answer.payload).ok()?;
        (answer["message"]["subject"] == "plans.carol").then_some(())
    })
    .await;
    let rollup = [("publish plans.alice x - Nats-Rollup=all", "done")];
    hall.expect(PY, "alice", &rollup).await;
    hall.comes_to("PLANS", 1).await;
}

#[tokio::test]
async fn publish() {
    let grant =
        "[[grant]]\nstream = \"ORDERS\"\ncan = [\"publish\"]\nsubjects = [\"orders.alice\"]";
    let hall = hall(grant).await;
    let mut ear = hall.ear("orders.*").await;
    hall.expect(PY, "alice", &[("store orders.alice heard", "3")]).await;
    assert_eq!(next(&mut ear).await, "orders.alice heard");
}

#[tokio::test]
async fn manage() {
    let hall = hall("[[grant]]\nstream = \"MINE\"\ncan = [\"manage\"]").await;
    let mut ear = hall.ear("elsewhere.>").await;
    let stream = json!({
        "name": "MINE",
        "subjects": ["invoices.>"],
        "sources": [{ "name": "ORDERS" }],
        "republish": { "src": ">", "dest": "elsewhere.>" },
    });
    hall.does(PY, "alice", &[&format!("request $JS.API.STREAM.CREATE.MINE {stream}")]).await;
    hall.stored("invoices.1", "i").await;
    // Two orders, and the invoice.
    hall.comes_to("MINE", 3).await;
    let mut republished = [next(&mut ear).await, next(&mut ear).await, next(&mut ear).await];
    republished.sort();
    let expected = ["elsewhere.invoices.1 i", "elsewhere.orders.alice a", "elsewhere.orders.bob b"];
    assert_eq!(republished, expected);
}

#[tokio::test]
async fn manage_consumer() {
    let manage = CONSUMER.replace("\"read\"", "\"manage\"");
    let hall = hall(&manage).await;
    let push = json!({ "deliver_subject": "elsewhere.pushed", "ack_policy": "none" });
    let mut ear = hall.ear("elsewhere.pushed").await;
    let operations = ["consumer.delete ORDERS billing", &create("billing", "orders.bob", push)];
    hall.does(PY, "alice", &operations).await;
    assert_eq!(next(&mut ear).await, "orders.bob b");
}

#[tokio::test]
async fn key_delete() {
    let hall = hall(&keys("\"write\", \"delete\"")).await;
    let delete = "publish $KV.prefs.alice.theme x - KV-Operation=DEL";
    hall.expect(PY, "alice", &[(delete, "done")]).await;
    hall.comes_to("KV_prefs", 3).await;
}

#[tokio::test]
async fn rollup() {
    let hall = hall(&keys("\"write\", \"delete\"")).await;
    let operations = [
        ("kv.delete prefs bob.theme", DENIED),
        ("stream.purge KV_prefs", DENIED),
        ("publish $KV.prefs.alice.theme x - Nats-Rollup=all", "done"),
    ];
    hall.expect(PY, "alice", &operations).await;
    hall.comes_to("KV_prefs", 1).await;
}

/// And [`objects`]: any chunk is read by its sequence.
#[tokio::test]
async fn object_write() {
    let hall = hall("[[grant]]\nobject_store = \"files\"\ncan = [\"read\", \"write\"]").await;
    hall.object_store("files").await;
    hall.stored("$O.files.C.x", "chunk").await;
    hall.expect(PY, "alice", &[("message OBJ_files 1", "chunk")]).await;
    hall.expect(PY, "alice", &[("stream.purge OBJ_files", "done")]).await;
    hall.comes_to("OBJ_files", 0).await;
}

#[tokio::test]
async fn lookup() {
    let hall = hall(&format!("{WATCH}\nlookup = true")).await;
    let outcomes = hall.does(PY, "alice", &["request $JS.API.STREAM.NAMES"]).await;
    assert!(outcomes[0].contains("OTHER") && outcomes[0].contains("KV_prefs"), "{outcomes:?}");
}

/// Why the loader refuses some wishes: with the raw subjects that such a grant would have.
mod refused {
    use super::*;

    /// A `*` at the end of what is read lets the filter `>` pass.
    #[tokio::test]
    async fn a_last_star() {
        let raw = "publish = [\"$JS.API.DIRECT.GET.KV_prefs.$KV.prefs.alice.*\",
                     \"$JS.API.CONSUMER.CREATE.KV_prefs.*.$KV.prefs.alice.*\"]";
        let hall = hall(raw).await;
        hall.stored("$KV.prefs.alice.deep.secret", "s").await;
        let expected = [
            ("last KV_prefs $KV.prefs.alice.deep.secret", DENIED),
            ("last KV_prefs $KV.prefs.alice.>", "s"),
            ("watch KV_prefs $KV.prefs.alice.>", "dark s"),
        ];
        hall.expect(PY, "alice", &expected).await;
    }

    /// Messages are fetched by the consumer's name, whatever its filter.
    #[tokio::test]
    async fn reading_bounded_by_subjects() {
        let raw = "publish = [\"$JS.API.CONSUMER.CREATE.ORDERS.*.orders.alice\",
                     \"$JS.API.CONSUMER.MSG.NEXT.ORDERS.*\", \"$JS.ACK.ORDERS.>\"]";
        let hall = hall(raw).await;
        let expected = [("watch ORDERS orders.bob", DENIED), ("fetch ORDERS billing 2", "a b")];
        hall.expect(PY, "alice", &expected).await;
    }

    /// What a purge removes stands in its body.
    #[tokio::test]
    async fn managing_bounded_by_subjects() {
        let hall = hall("publish = [\"$JS.API.STREAM.PURGE.ORDERS\"]").await;
        let purge = "request $JS.API.STREAM.PURGE.ORDERS {\"filter\":\"orders.bob\"}";
        hall.does(PY, "alice", &[purge]).await;
        hall.comes_to("ORDERS", 1).await;
        hall.expect(PY, "alice", &[("stream.purge ORDERS", "done")]).await;
        hall.comes_to("ORDERS", 0).await;
    }

    /// A client asks what stands under a name before it writes.
    #[tokio::test]
    async fn writing_objects_unread() {
        let raw = "publish = [\"$JS.API.STREAM.INFO.OBJ_files\", \"$O.files.C.*\",
                     \"$O.files.M.*\", \"$JS.API.STREAM.PURGE.OBJ_files\"]";
        let hall = hall(raw).await;
        hall.object_store("files").await;
        for file in [PY, JS] {
            hall.expect(file, "alice", &[("obj.put files a one", DENIED)]).await;
        }
    }
}
