use super::*;

/// A stream of orders of two tenants, read by consumers of others already, and another stream.
async fn hall(roles: &[(&str, &str)]) -> Hall {
    let hall = Hall::with(roles).await;
    hall.stream("ORDERS", "orders.>").await;
    hall.stream("OTHER", "other.>").await;
    for (subject, data) in
        [("orders.acme.1", "a1"), ("orders.globex.1", "g1"), ("orders.acme.2", "a2")]
    {
        hall.stored(subject, data).await;
    }
    hall.stored("other.1", "o1").await;
    for name in ["billing", "shipping"] {
        hall.consumer("ORDERS", name, json!({})).await;
    }
    hall.consumer("OTHER", "billing", json!({})).await;
    hall
}

#[tokio::test]
async fn a_stream_is_read() {
    for file in [PY, JS] {
        let hall = hall(&[("reader", "[[grant]]\nstream = \"ORDERS\"\ncan = [\"read\"]")]).await;
        let expected = [
            ("fetch ORDERS billing 2", "a1 g1"),
            ("durable ORDERS mine orders.acme.>", "a1 a2"),
            ("ephemeral ORDERS orders.globex.>", "g1"),
            ("ordered ORDERS orders.acme.>", "a1 a2"),
            ("watch ORDERS orders.acme.>", "a1 a2"),
            ("last ORDERS orders.acme.2", DENIED),
            ("message ORDERS 1", DENIED),
            ("store orders.acme.3 x", DENIED),
            ("stream.purge ORDERS", DENIED),
            ("message.delete ORDERS 1", DENIED),
            ("stream.update ORDERS orders.x", DENIED),
            ("stream.delete ORDERS", DENIED),
            ("consumer.delete ORDERS shipping", DENIED),
            ("consumer.pause ORDERS shipping", DENIED),
            ("consumers ORDERS", DENIED),
            ("streams", DENIED),
            ("fetch OTHER billing", DENIED),
            ("watch OTHER >", DENIED),
            ("ephemeral OTHER other.1", DENIED),
        ];
        hall.expect(file, "reader", &expected).await;
    }
}

#[tokio::test]
async fn a_stream_is_watched_and_asked() {
    let roles = [
        ("watcher", "[[grant]]\nstream = \"ORDERS\"\ncan = [\"watch\"]"),
        ("getter", "[[grant]]\nstream = \"ORDERS\"\ncan = [\"get\"]"),
        (
            "acme",
            "[[grant]]\nstream = \"ORDERS\"\ncan = [\"watch\", \"get\"]\n\
             subjects = [\"orders.{subject}.>\"]",
        ),
    ];
    let hall = hall(&roles).await;
    for file in [PY, JS] {
        let watched = [
            ("watch ORDERS orders.>", "a1 g1 a2"),
            ("fetch ORDERS billing", DENIED),
            ("last ORDERS orders.acme.2", DENIED),
            ("watch OTHER >", DENIED),
        ];
        hall.expect(file, "watcher", &watched).await;
        let got = [
            ("last ORDERS orders.acme.2", "a2"),
            ("direct ORDERS 2", "g1"),
            ("message ORDERS 2", "g1"),
            ("watch ORDERS orders.>", DENIED),
            ("stream.info ORDERS", DENIED),
            ("last OTHER other.1", DENIED),
            ("message OTHER 1", DENIED),
        ];
        hall.expect(file, "getter", &got).await;
        let bounded = [
            ("watch ORDERS orders.acme.>", "a1 a2"),
            ("watch ORDERS orders.globex.>", DENIED),
            ("watch ORDERS orders.>", DENIED),
            ("watch ORDERS >", DENIED),
            ("last ORDERS orders.acme.2", "a2"),
            ("last ORDERS orders.globex.1", DENIED),
            ("direct ORDERS 2", DENIED),
            ("message ORDERS 2", DENIED),
            ("fetch ORDERS billing", DENIED),
        ];
        hall.expect(file, "acme", &bounded).await;
    }
    // nats-py's push subscriptions let the server choose the name.
    hall.expect(PY, "watcher", &[("ordered ORDERS orders.>", "a1 g1 a2")]).await;
    hall.expect(PY, "acme", &[("ordered ORDERS orders.acme.>", DENIED)]).await;
}

#[tokio::test]
async fn a_stream_is_published_to() {
    let roles = [(
        "acme",
        "[[grant]]\nstream = \"ORDERS\"\ncan = [\"publish\"]\nsubjects = [\"orders.{subject}.>\"]",
    )];
    let hall = hall(&roles).await;
    for (file, seq) in [(PY, "4"), (JS, "5")] {
        let expected = [
            ("store orders.acme.3 a3", seq),
            ("store orders.globex.3 x", DENIED),
            ("store other.2 x", DENIED),
            ("last ORDERS orders.acme.3", DENIED),
            ("fetch ORDERS billing", DENIED),
            ("stream.info ORDERS", DENIED),
            ("stream.purge ORDERS", DENIED),
        ];
        hall.expect(file, "acme", &expected).await;
    }
}

#[tokio::test]
async fn a_stream_is_managed() {
    for file in [PY, JS] {
        let hall = hall(&[("manager", "[[grant]]\nstream = \"ORDERS\"\ncan = [\"manage\"]")]).await;
        let expected = [
            ("stream.info ORDERS", "3"),
            ("consumers ORDERS", "billing shipping"),
            ("consumer.info ORDERS shipping", "3"),
            ("consumer.pause ORDERS shipping", "done"),
            ("consumer.delete ORDERS shipping", "done"),
            ("message.delete ORDERS 1", "done"),
            ("stream.update ORDERS orders.acme.>", "done"),
            ("fetch ORDERS billing", DENIED),
            ("watch ORDERS >", DENIED),
            ("last ORDERS orders.acme.2", DENIED),
            ("stream.purge ORDERS", "done"),
            ("stream.delete ORDERS", "done"),
            ("stream.create ORDERS orders.>", "done"),
            ("stream.create MINE mine.>", DENIED),
            ("stream.info OTHER", DENIED),
            ("stream.purge OTHER", DENIED),
            ("stream.delete OTHER", DENIED),
            ("consumers OTHER", DENIED),
            ("streams", DENIED),
        ];
        hall.expect(file, "manager", &expected).await;
    }
}

#[tokio::test]
async fn one_consumer_is_read() {
    let roles =
        [("biller", "[[grant]]\nstream = \"ORDERS\"\nconsumer = \"billing\"\ncan = [\"read\"]")];
    for file in [PY, JS] {
        let hall = hall(&roles).await;
        let expected = [
            ("fetch ORDERS billing 2", "a1 g1"),
            ("consumer.info ORDERS billing", "1"),
            ("fetch ORDERS billing", "a2"),
            ("fetch ORDERS shipping", DENIED),
            ("consumer.info ORDERS shipping", DENIED),
            ("fetch OTHER billing", DENIED),
            ("durable ORDERS mine orders.>", DENIED),
            ("ephemeral ORDERS orders.>", DENIED),
            ("watch ORDERS orders.>", DENIED),
            ("consumer.delete ORDERS billing", DENIED),
            ("consumer.pause ORDERS billing", DENIED),
            ("last ORDERS orders.acme.1", DENIED),
            ("message ORDERS 1", DENIED),
            ("store orders.acme.3 x", DENIED),
            ("stream.info ORDERS", DENIED),
            ("stream.purge ORDERS", DENIED),
            // Another's delivery is not acknowledged.
            ("publish $JS.ACK.ORDERS.shipping.1.1.1.1.1 +ACK", DENIED),
            ("publish $JS.ACK.OTHER.billing.1.1.1.1.1 +ACK", DENIED),
            ("publish $JS.ACK._.hash.ORDERS.shipping.1.1.1.1.1 +ACK", DENIED),
        ];
        let count = if file == PY { expected.len() } else { expected.len() - 3 };
        hall.expect(file, "biller", &expected[..count]).await;
    }
}

#[tokio::test]
async fn one_push_consumer_is_read() {
    let roles = [(
        "biller",
        "[[grant]]\nstream = \"ORDERS\"\nconsumer = \"pushed\"\ncan = [\"read\"]\n\
         deliver = \"push.billing workers\"",
    )];
    for file in [PY, JS] {
        let hall = hall(&roles).await;
        let config = json!({
            "deliver_subject": "push.billing",
            "deliver_group": "workers",
            "flow_control": true,
            "idle_heartbeat": 1_000_000_000,
        });
        hall.consumer("ORDERS", "pushed", config).await;
        hall.expect(file, "biller", &[("push ORDERS pushed", "a1 g1 a2")]).await;
    }
    let hall = hall(&roles).await;
    let expected = [
        ("subscribe push.billing workers", "done"),
        ("subscribe push.billing", DENIED),
        ("subscribe push.billing others", DENIED),
        ("subscribe push.shipping workers", DENIED),
    ];
    hall.expect(PY, "biller", &expected).await;
}

#[tokio::test]
async fn one_consumer_is_created() {
    let roles = [
        (
            "free",
            "[[grant]]\nstream = \"ORDERS\"\nconsumer = \"mine\"\ncan = [\"read\", \"manage\"]",
        ),
        (
            "acme",
            "[[grant]]\nstream = \"ORDERS\"\nconsumer = \"acmes\"\ncan = [\"read\", \"manage\"]\n\
             subjects = [\"orders.{subject}.>\"]",
        ),
    ];
    for file in [PY, JS] {
        let hall = hall(&roles).await;
        let free = [
            ("durable ORDERS mine orders.>", "a1 g1 a2"),
            ("consumer.pause ORDERS mine", "done"),
            ("consumer.delete ORDERS mine", "done"),
            ("durable ORDERS other orders.>", DENIED),
            ("fetch ORDERS billing", DENIED),
            ("consumer.delete ORDERS billing", DENIED),
            ("durable OTHER mine other.>", DENIED),
        ];
        hall.expect(file, "free", &free).await;
        let bounded = [
            ("durable ORDERS acmes orders.acme.>", "a1 a2"),
            ("consumer.delete ORDERS acmes", "done"),
            ("durable ORDERS acmes orders.>", DENIED),
            ("durable ORDERS acmes >", DENIED),
            ("durable ORDERS acmes orders.globex.>", DENIED),
            ("durable ORDERS other orders.acme.>", DENIED),
        ];
        hall.expect(file, "acme", &bounded).await;
    }
    let hall = hall(&roles).await;
    let reset = [
        ("durable ORDERS mine orders.>", "a1 g1 a2"),
        ("consumer.reset ORDERS mine", "done"),
        ("consumer.reset ORDERS billing", DENIED),
    ];
    hall.expect(PY, "free", &reset).await;
}

/// Clients that are not told the stream look it up, which shows the names of all.
#[tokio::test]
async fn a_stream_is_found_by_a_subject() {
    let grant = "[[grant]]\nstream = \"ORDERS\"\ncan = [\"watch\"]";
    let finder = format!("{grant}\nlookup = true");
    let hall = hall(&[("watcher", grant), ("finder", &finder)]).await;
    hall.expect(PY, "watcher", &[("found orders.acme.>", DENIED)]).await;
    hall.expect(PY, "finder", &[("found orders.acme.>", "a1 a2"), ("streams", DENIED)]).await;
}

/// The newer form of acknowledgements has the domain and the account in its subject.
#[tokio::test]
async fn the_newer_acknowledgements_are_permitted() {
    let flag = |conf: &str| format!("{conf}\nfeature_flags {{ js_ack_fc_v2: true }}\n");
    let roles = [
        ("biller", "[[grant]]\nstream = \"ORDERS\"\nconsumer = \"billing\"\ncan = [\"read\"]"),
        ("watcher", "[[grant]]\nstream = \"ORDERS\"\ncan = [\"watch\"]"),
        MUCH,
    ];
    let hall = Hall::in_world(World::builder().server_conf(flag), &roles).await;
    hall.stream("ORDERS", "orders.>").await;
    hall.consumer("ORDERS", "billing", json!({})).await;
    for data in ["1", "2", "3"] {
        hall.stored("orders.acme", data).await;
    }
    hall.expect(PY, "biller", &[("fetch ORDERS billing 2", "1 2")]).await;
    hall.expect(JS, "watcher", &[("watch ORDERS orders.>", "1 2 3")]).await;
    flow_is_controlled(&hall).await;
    let info = hall.api("CONSUMER.INFO.ORDERS.billing", Value::Null).await;
    assert_eq!(info["num_ack_pending"], 0);
    assert_eq!(info["ack_floor"]["stream_seq"], 2);
}

/// Flow control is answered, without which a push consumer stalls after some megabytes.
async fn flow_is_controlled(hall: &Hall) {
    let data = "x".repeat(100_000);
    hall.stream("MUCH", "much.>").await;
    for _ in 0..80 {
        hall.stored("much.x", &data).await;
    }
    hall.expect(JS, "watcher-of-much", &[("counted MUCH much.>", "80")]).await;
}

#[tokio::test]
async fn flow_control_is_permitted() {
    let hall = hall(&[MUCH]).await;
    flow_is_controlled(&hall).await;
}

const MUCH: (&str, &str) = ("watcher-of-much", "[[grant]]\nstream = \"MUCH\"\ncan = [\"watch\"]");
