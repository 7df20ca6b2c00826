//! What the maps say and what the server then allows. *Empty means everything* to the server:
//! each way of saying nothing is tried out here.

use std::collections::BTreeSet;

use futures_util::StreamExt as _;
use hallpass::{
    playground::idp::{AUDIENCE, Idp, IdpOptions},
    setup::IssuerText,
};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::support::{Heard, Wire, World, install_provider, soon};

const MAP: &str = r#"
account = "APP"

[roles.everything]
publish = [">"]
subscribe = [">"]

[roles.no-publish]
subscribe = ["orders.>", "_INBOX.own.>"]

[roles.no-subscribe]
publish = ["orders.created"]

[roles.nothing]

[roles.denies-only]
deny_publish = ["elsewhere"]
deny_subscribe = ["elsewhere"]

[roles.responses-only]
allow_responses = true

[roles.responder]
subscribe = ["orders.>"]
allow_responses = true

[roles.responder-and-publisher]
subscribe = ["orders.>"]
publish = ["elsewhere"]
allow_responses = { max = 2, expires = "1m" }

[roles.publish-deny]
publish = ["orders.>"]
deny_publish = ["orders.secret.>"]

[roles.subscribe-deny]
subscribe = ["orders.>"]
deny_subscribe = ["orders.*.internal.>"]

[roles.orders]
publish = ["orders.>"]
subscribe = ["orders.>"]

[roles.elsewhere-not-secret]
publish = ["elsewhere"]
deny_publish = ["orders.secret.>"]
deny_subscribe = ["orders.*.internal.>", "_INBOX.own.>"]

[roles.short]
publish = ["orders.>"]
session = "2s"
"#;

/// Subjects to publish on.
const PUBLISH: [&str; 9] = [
    "orders.created",
    "orders.secret.x",
    "elsewhere",
    "_INBOX.somebody.1",
    "$SYS.REQ.USER.AUTH",
    "$SYS.REQ.SERVER.PING",
    "$JS.API.INFO",
    "$JS.API.STREAM.CREATE.X",
    "hallpass.audit.forged",
];

/// Patterns to subscribe to, each with a subject that it matches.
const SUBSCRIBE: [(&str, &str); 11] = [
    (">", "elsewhere"),
    ("*", "elsewhere"),
    ("*.>", "orders.created"),
    ("elsewhere", "elsewhere"),
    ("orders.>", "orders.created"),
    ("orders.*", "orders.created"),
    ("_INBOX.>", "_INBOX.somebody.1"),
    ("_INBOX.own.>", "_INBOX.own.1"),
    ("$SYS.>", "$SYS.probe"),
    ("$JS.API.>", "$JS.API.probe"),
    ("$JS.>", "$JS.EVENT.probe"),
];

fn sorted<T: Into<String>>(items: impl IntoIterator<Item = T>) -> BTreeSet<String> {
    items.into_iter().map(Into::into).collect()
}

fn all_subjects() -> BTreeSet<String> {
    sorted(PUBLISH)
}

fn all_patterns() -> BTreeSet<String> {
    sorted(SUBSCRIBE.map(|(pattern, _)| pattern))
}

/// A world with the map above, and a client that hears everything in the account.
async fn world() -> (World, Wire) {
    let world = World::builder().map("probe.toml", MAP).start().await;
    let control = control(&world).await;
    (world, control)
}

async fn control(world: &World) -> Wire {
    let mut control = world.wire_as("break-glass").await;
    control.subscribe(">").await;
    control.settle().await;
    control
}

/// Tries all subjects; returns those on which something was heard. The server must have
/// complained about the others, and about no others.
async fn publishes(visitor: &mut Wire, control: &mut Wire) -> BTreeSet<String> {
    for subject in PUBLISH {
        visitor.publish(subject, "probe").await;
    }
    let complaints: BTreeSet<_> = visitor.settle().await.into_iter().collect_complaints();
    let heard = control.settle().await;
    let probes = heard.iter().filter_map(Heard::message).filter(|(_, text)| *text == "probe");
    let heard = sorted(probes.map(|(subject, _)| subject));
    let silent = all_subjects().difference(&heard).cloned().collect::<Vec<_>>();
    let expected =
        sorted(silent.iter().map(|s| format!("Permissions Violation for Publish to \"{s}\"")));
    assert_eq!(complaints, expected);
    heard
}

/// Tries all patterns; returns those that were accepted and delivered. What was not accepted
/// must not be delivered either.
async fn subscribes(visitor: &mut Wire, control: &mut Wire) -> BTreeSet<String> {
    let mut open = BTreeSet::new();
    for (pattern, example) in SUBSCRIBE {
        let subscription = visitor.subscribe(pattern).await;
        let complaints = visitor.settle().await.into_iter().collect_complaints();
        control.publish(example, pattern).await;
        control.settle().await;
        let heard = visitor.settle().await;
        let delivered =
            heard.iter().filter_map(Heard::message).any(|message| message == (example, pattern));
        visitor.unsubscribe(subscription).await;
        if delivered {
            assert_eq!(complaints, BTreeSet::new());
            open.insert(pattern.to_owned());
        } else {
            let violation = format!("Permissions Violation for Subscription to \"{pattern}\"");
            assert_eq!(complaints, sorted([violation]));
            assert_eq!(heard, [], "{pattern}");
        }
    }
    open
}

trait CollectComplaints {
    fn collect_complaints(self) -> BTreeSet<String>;
}

impl<I: Iterator<Item = Heard>> CollectComplaints for I {
    fn collect_complaints(self) -> BTreeSet<String> {
        self.filter_map(|heard| match heard {
            Heard::Complaint(text) => Some(text),
            _ => None,
        })
        .collect()
    }
}

/// What the audit stream says was granted, without its end and what names it.
async fn granted(world: &World, name: &str) -> Value {
    let event = world.event_of(name).await;
    assert_eq!(event.outcome(), "granted", "{}", event.json());
    let mut grant = event.json()["data"]["grant"].clone();
    for member in ["ends_at", "ends_by", "jwt_id", "digest"] {
        grant.as_object_mut().unwrap().remove(member).unwrap();
    }
    grant
}

/// Logs in somebody with these roles and tries everything.
async fn check(
    (world, control): &mut (World, Wire),
    roles: &[&str],
    grant: Value,
    publish: BTreeSet<String>,
    subscribe: BTreeSet<String>,
) {
    let name = roles.join("+");
    let mut visitor = world.wire(&name, &world.token("alice", roles)).await;
    assert_eq!(granted(world, &name).await, grant, "{name}");
    assert_eq!(publishes(&mut visitor, control).await, publish, "{name}");
    assert_eq!(subscribes(&mut visitor, control).await, subscribe, "{name}");
}

#[tokio::test]
async fn each_way_of_saying_nothing_is_nothing() {
    let none = BTreeSet::new;
    let mut world = world().await;
    // First the opposite: everything that is tried below can be heard where it is allowed.
    let all = json!({ "allow": [">"], "deny": [] });
    check(
        &mut world,
        &["everything"],
        json!({ "account": "APP", "publish": all, "subscribe": all }),
        all_subjects(),
        all_patterns(),
    )
    .await;
    let nothing = json!({ "account": "APP", "publish": null, "subscribe": null });
    check(&mut world, &["nothing"], nothing.clone(), none(), none()).await;
    check(&mut world, &["denies-only"], nothing, none(), none()).await;
    let orders = json!({ "allow": ["_INBOX.own.>", "orders.>"], "deny": [] });
    check(
        &mut world,
        &["no-publish"],
        json!({ "account": "APP", "publish": null, "subscribe": orders }),
        none(),
        sorted(["orders.>", "orders.*", "_INBOX.own.>"]),
    )
    .await;
    let created = json!({ "allow": ["orders.created"], "deny": [] });
    check(
        &mut world,
        &["no-subscribe"],
        json!({ "account": "APP", "publish": created, "subscribe": null }),
        sorted(["orders.created"]),
        none(),
    )
    .await;
}

#[tokio::test]
async fn permission_to_respond_opens_nothing_else() {
    let none = BTreeSet::new;
    let mut world = world().await;
    let once = json!({ "max": 1, "expires_ms": 120000 });
    check(
        &mut world,
        &["responses-only"],
        json!({ "account": "APP", "publish": null, "subscribe": null, "responses": once }),
        none(),
        none(),
    )
    .await;
    let orders = json!({ "allow": ["orders.>"], "deny": [] });
    check(
        &mut world,
        &["responder"],
        json!({ "account": "APP", "publish": null, "subscribe": orders, "responses": once }),
        none(),
        sorted(["orders.>", "orders.*"]),
    )
    .await;
    let twice = json!({ "max": 2, "expires_ms": 60000 });
    let elsewhere = json!({ "allow": ["elsewhere"], "deny": [] });
    check(
        &mut world,
        &["responder-and-publisher"],
        json!({ "account": "APP", "publish": elsewhere, "subscribe": orders, "responses": twice }),
        sorted(["elsewhere"]),
        sorted(["orders.>", "orders.*"]),
    )
    .await;
}

#[tokio::test]
async fn a_request_is_answered_as_often_as_the_map_says() {
    let (world, mut control) = world().await;
    for (role, max) in [("responder", 1), ("responder-and-publisher", 2)] {
        let mut visitor = world.wire(role, &world.token("alice", &[role])).await;
        visitor.subscribe("orders.>").await;
        visitor.settle().await;
        let reply = format!("_INBOX.{role}.1");
        control.request("orders.ask", &reply, "?").await;
        control.settle().await;
        let asked = Heard::Message {
            subject: "orders.ask".to_owned(),
            reply: Some(reply.clone()),
            payload: "?".to_owned(),
        };
        assert_eq!(visitor.settle().await, [asked]);

        let elsewhere = format!("_INBOX.{role}.2");
        visitor.publish(&elsewhere, "not asked").await;
        for count in 1..=3 {
            visitor.publish(&reply, &count.to_string()).await;
        }
        let complaints = visitor.settle().await;
        let answers = control.settle().await;
        let answers: Vec<_> = answers.iter().filter_map(Heard::message).collect();
        let one_to_max: Vec<String> = (1..=max).map(|count: u32| count.to_string()).collect();
        let expected: Vec<_> =
            one_to_max.iter().map(|count| (reply.as_str(), count.as_str())).collect();
        assert_eq!(answers, expected, "{role}");
        let violation = |subject: &str| {
            Heard::Complaint(format!("Permissions Violation for Publish to \"{subject}\""))
        };
        let mut expected = vec![violation(&elsewhere)];
        expected.extend((max..3).map(|_| violation(&reply)));
        assert_eq!(complaints, expected, "{role}");
    }
}

#[tokio::test]
async fn what_is_denied_stays_denied_under_an_allow() {
    let mut world = world().await;
    check(
        &mut world,
        &["publish-deny"],
        json!({
            "account": "APP",
            "publish": { "allow": ["orders.>"], "deny": ["orders.secret.>"] },
            "subscribe": null,
        }),
        sorted(["orders.created"]),
        BTreeSet::new(),
    )
    .await;
    check(
        &mut world,
        &["subscribe-deny"],
        json!({
            "account": "APP",
            "publish": null,
            "subscribe": { "allow": ["orders.>"], "deny": ["orders.*.internal.>"] },
        }),
        BTreeSet::new(),
        sorted(["orders.>", "orders.*"]),
    )
    .await;

    let (world, mut control) = world;
    let mut visitor = world.wire("overlap", &world.token("alice", &["subscribe-deny"])).await;
    for pattern in ["orders.>", "orders.> workers", "orders.*.*.>", "orders.*.*.* workers"] {
        let subscription = visitor.subscribe(pattern).await;
        assert_eq!(visitor.settle().await, [], "{pattern}: accepted although a part is denied");
        for subject in ["orders.acme.internal.note", "orders.acme.public.note"] {
            control.publish(subject, "x").await;
        }
        control.settle().await;
        let heard = visitor.settle().await;
        let heard: Vec<_> = heard.iter().filter_map(Heard::message).collect();
        assert_eq!(heard, [("orders.acme.public.note", "x")], "{pattern}");
        visitor.unsubscribe(subscription).await;
    }
    for inside in ["orders.acme.internal.>", "orders.*.internal.>", "orders.a.internal.b q"] {
        visitor.subscribe(inside).await;
        let complaints = visitor.settle().await.into_iter().collect_complaints();
        let subject = inside.split(' ').next().unwrap();
        let violation = complaints.first().cloned().unwrap_or_default();
        let start = format!("Permissions Violation for Subscription to \"{subject}\"");
        assert!(violation.starts_with(&start), "{inside}: {violation}");
    }
}

#[tokio::test]
async fn two_roles_allow_what_either_allows_less_what_either_denies() {
    let mut world = world().await;
    let deny = json!(["_INBOX.own.>", "orders.*.internal.>"]);
    let without = |all: BTreeSet<String>, denied: &str| -> BTreeSet<String> {
        all.into_iter().filter(|one| one != denied).collect()
    };
    check(
        &mut world,
        &["elsewhere-not-secret", "everything"],
        json!({
            "account": "APP",
            "publish": { "allow": [">", "elsewhere"], "deny": ["orders.secret.>"] },
            "subscribe": { "allow": [">"], "deny": deny },
        }),
        without(all_subjects(), "orders.secret.x"),
        without(all_patterns(), "_INBOX.own.>"),
    )
    .await;
    check(
        &mut world,
        &["elsewhere-not-secret", "orders"],
        json!({
            "account": "APP",
            "publish": { "allow": ["elsewhere", "orders.>"], "deny": ["orders.secret.>"] },
            "subscribe": { "allow": ["orders.>"], "deny": deny },
        }),
        sorted(["elsewhere", "orders.created"]),
        sorted(["orders.>", "orders.*"]),
    )
    .await;
}

#[tokio::test]
async fn other_accounts_are_out_of_reach() {
    let world = World::builder()
        .map("probe.toml", MAP)
        .server_conf(|conf| {
            conf.replace(
                "  SYS {\n",
                "  OTHER { users: [{ user: other, password: other }] }\n  SYS {\n",
            )
            .replace("auth_users: [", "auth_users: [\n      other")
        })
        .start()
        .await;
    let everything = world.token("alice", &["everything"]);
    let mut visitor = world.wire("everything", &everything).await;
    visitor.subscribe(">").await;
    visitor.settle().await;
    let as_other = json!({ "user": "other", "pass": "other" });
    let mut other = Wire::connect(world.nats.url(), "other", as_other).await.unwrap();
    other.subscribe(">").await;
    other.settle().await;
    let events = world.audit().await.len();
    for subject in PUBLISH {
        visitor.publish(subject, "probe").await;
        other.publish(subject, "from the other account").await;
    }
    let mut heard = [visitor.settle().await, other.settle().await];
    // Each has now had its effect; a second look sees what came to the other of it.
    heard[0].extend(visitor.settle().await);
    for (heard, own) in heard.iter().zip(["probe", "from the other account"]) {
        for (subject, payload) in heard.iter().filter_map(Heard::message) {
            // JetStream tells an account what was asked of it there.
            let advisory = subject.starts_with("$JS.EVENT.ADVISORY.")
                && payload.contains(&format!(r#""request":"{own}""#));
            assert!(payload == own || advisory, "{subject}: {payload}");
        }
        let own = heard.iter().filter_map(Heard::message).filter(|message| message.1 == own);
        assert_eq!(sorted(own.map(|message| message.0)), all_subjects());
    }
    // The callout and the audit stream, each in an account of its own, heard none of it.
    world.wire("later", &everything).await;
    assert_eq!(world.event_of("later").await.outcome(), "granted");
    assert_eq!(world.audit().await.len(), events + 1);
    assert!(!world.hallpass[0].log().contains("a request was dropped"));
}

/// A second IdP, and how hallpass knows it.
async fn partner() -> (Idp, IssuerText) {
    install_provider();
    let options = IdpOptions { kid_prefix: "partner-".to_owned(), ..IdpOptions::playground() };
    let idp = Idp::start(options).await.unwrap();
    let text = IssuerText {
        name: "partner".to_owned(),
        issuer: idp.issuer().to_owned(),
        audience: AUDIENCE.to_owned(),
        roles_claim: "realm_access.roles".to_owned(),
        allow_http_loopback: true,
    };
    (idp, text)
}

#[tokio::test]
async fn alice_of_two_issuers_is_two_and_a_role_believes_the_issuers_it_names() {
    let (partner, issuer) = partner().await;
    let map = r#"
account = "APP"
[roles.staff]
issuers = ["idp"]
publish = ["orders.>"]
[roles.guest]
idp_roles = ["staff", "guest"]
issuers = ["idp", "partner"]
subscribe = ["guests.{issuer}.{subject}.>"]
"#;
    let world = World::builder()
        .map("issuers.toml", map)
        .issuer(issuer)
        .server_conf(|conf| {
            let users = "  SYS {\n    users: [\n";
            conf.replace(users, &format!("{users}      {{ user: sys, password: sys }}\n"))
                .replace("auth_users: [", "auth_users: [\n      sys")
        })
        .start()
        .await;
    let ours = world.wire("ours", &world.token("alice", &["staff"])).await;
    let token = partner.sign(&partner.claims("alice", &["staff"])).unwrap();
    let theirs = world.wire("theirs", &token).await;

    let event = world.event_of("ours").await;
    assert_eq!(event.text("/data/identity/user_name"), "idp:alice");
    assert_eq!(event.json()["data"]["roles"], json!(["guest", "staff"]));
    assert_eq!(event.json()["data"]["grant"]["subscribe"]["allow"], json!(["guests.idp.alice.>"]));
    let event = world.event_of("theirs").await;
    assert_eq!(event.text("/data/identity/user_name"), "partner:alice");
    assert_eq!(event.json()["data"]["roles"], json!(["guest"]), "`staff` is not the partner's");
    assert_eq!(event.json()["data"]["grant"]["publish"], Value::Null);
    assert_eq!(
        event.json()["data"]["grant"]["subscribe"]["allow"],
        json!(["guests.partner.alice.>"])
    );

    // One issuer's token with the other's name in it: the key is not that issuer's.
    let mut claims = partner.claims("alice", &["staff"]);
    claims["iss"] = json!(world.idp.issuer());
    let borrowed = partner.sign(&claims).unwrap();
    assert_eq!(world.refusal("borrowed", &borrowed).await, "key_unknown");

    let as_sys = json!({ "user": "sys", "pass": "sys" });
    let mut sys = Wire::connect(world.nats.url(), "sys", as_sys).await.unwrap();
    sys.subscribe("connections").await;
    sys.request("$SYS.REQ.SERVER.PING.CONNZ", "connections", r#"{"auth":true}"#).await;
    let Heard::Message { payload, .. } = sys.hear().await else { panic!("no list") };
    let list: Value = serde_json::from_str(&payload).unwrap();
    let user_of = |name: &str| {
        let connections = list["data"]["connections"].as_array().unwrap();
        let found = connections.iter().find(|connection| connection["name"] == name).unwrap();
        (found["authorized_user"].clone(), found["account"].clone())
    };
    assert_eq!(user_of("ours"), (json!("idp:alice"), json!("APP")));
    assert_eq!(user_of("theirs"), (json!("partner:alice"), json!("APP")));
    drop((ours, theirs));
}

#[tokio::test]
async fn a_session_ends_with_the_token_or_when_the_role_says() {
    let (world, _) = world().await;
    for (name, role, lifetime) in [("token", "orders", 3), ("role", "short", 600)] {
        let expires = Timestamp::now().as_second() + lifetime;
        let token = world.token_with("alice", &[role], |claims| claims["exp"] = json!(expires));
        let before = Timestamp::now();
        let mut visitor = world.wire(name, &token).await;
        let ends_at: Timestamp =
            world.event_of(name).await.text("/data/grant/ends_at").parse().unwrap();
        if name == "token" {
            assert_eq!(ends_at.as_second(), expires);
        } else {
            let seconds = ends_at.duration_since(before).as_secs_f64();
            assert!((1.0..=2.0 + 1.0).contains(&seconds), "{seconds} s instead of 2 s");
        }
        visitor.publish("orders.created", "still here").await;
        assert_eq!(
            visitor.until_the_end().await,
            [Heard::Complaint("User Authentication Expired".to_owned())]
        );
        assert!(Timestamp::now() >= ends_at, "{name}: not before its time");
        let renewed = Wire::connect(world.nats.url(), "again", json!({ "auth_token": token }));
        assert_eq!(renewed.await.is_err(), name == "token", "the session ended, not the token");
    }
}

/// Why hallpass refuses roles that may publish what they receive and allow responses: here a user
/// of the server's own configuration has just that, and publishes where nothing allows it.
#[tokio::test]
async fn the_server_lets_somebody_who_can_answer_himself_publish_anywhere() {
    let user = nkeys::KeyPair::new_user();
    let nkey = user.public_key();
    let permissions = "publish: orders.created, subscribe: \"orders.>\", allow_responses: true";
    let world = World::builder()
        .server_conf(|conf| {
            let own = format!("{{ nkey: {nkey}, permissions: {{ {permissions} }} }}");
            conf.replace(
                "{ nkey: $HALLPASS_BREAK_GLASS_NKEY }",
                &format!("{own}, {{ nkey: $HALLPASS_BREAK_GLASS_NKEY }}"),
            )
            .replace("auth_users: [", &format!("auth_users: [{nkey}, "))
        })
        .replicas(0)
        .start()
        .await;
    let bystander = world.as_key("break-glass", "_INBOX").await;
    let mut heard = bystander.subscribe("globex.secret").await.unwrap();
    bystander.flush().await.unwrap();
    let seed = user.seed().unwrap();
    let client =
        async_nats::ConnectOptions::with_nkey(seed).connect(world.nats.url()).await.unwrap();
    let mut own = client.subscribe("orders.>").await.unwrap();
    client.publish_with_reply("orders.created", "globex.secret", "to myself".into()).await.unwrap();
    soon("the own request", own.next()).await.unwrap();
    client.publish("globex.secret", "where nothing allows it".into()).await.unwrap();
    let message = soon("the forged answer", heard.next()).await.unwrap();
    assert_eq!(message.payload, "where nothing allows it");
}
