use hallpass::playground::NatsServer;

use super::*;
use crate::support::nats_server;

const GRANTS: &str = "[[grant]]\nkv = \"prefs\"\nkeys = \"{subject}.>\"\n\
                      can = [\"read\", \"watch\", \"write\", \"delete\"]\nPLACE\n\
                      [[grant]]\nstream = \"ORDERS\"\nconsumer = \"billing\"\ncan = [\"read\"]\nPLACE";

async fn fill(hall: &Hall) {
    hall.bucket("prefs").await;
    hall.stored("$KV.prefs.alice.theme", "dark").await;
    hall.stored("$KV.prefs.bob.theme", "light").await;
    hall.stream("ORDERS", "orders.>").await;
    hall.consumer("ORDERS", "billing", json!({})).await;
    hall.consumer("ORDERS", "shipping", json!({})).await;
    hall.stored("orders.1", "o1").await;
    hall.stored("orders.2", "o2").await;
}

/// A server with the account and its streams, for the world's server to be a leaf of.
async fn hub(directory: &std::path::Path) -> (NatsServer, String) {
    let configuration = "
        listen: 127.0.0.1:-1
        server_name: hub
        jetstream { store_dir: $STORE, domain: hub }
        leafnodes { listen: \"127.0.0.1:-1\" }
        accounts {
          APP { jetstream: enabled, users: [{ user: app, password: app }] }
          SYS {}
        }
        system_account: SYS
    ";
    let store = directory.join("jetstream").to_str().unwrap().to_owned();
    let server = NatsServer::start(&nats_server(), directory, configuration, &[("STORE", store)])
        .await
        .unwrap();
    let log = directory.join("nats-server.log");
    let address = eventually("the hub's listener for leaf nodes", || async {
        let log = std::fs::read_to_string(&log).ok()?;
        let line = log.lines().find(|line| line.contains("Listening for leafnode"))?;
        Some(line.rsplit(' ').next()?.to_owned())
    })
    .await;
    (server, address)
}

/// Clients of a leaf node reach the hub's JetStream by its domain.
#[tokio::test]
async fn a_domain() {
    crate::support::install_provider();
    let directory = tempfile::tempdir().unwrap();
    let (hub, address) = hub(directory.path()).await;
    let leaf = |conf: &str| {
        let conf = conf.replace("jetstream {", "jetstream {\n  domain: leaf");
        format!(
            "{conf}\nleafnodes {{ remotes: [{{ url: \"nats://app:app@{address}\", account: APP }}] }}\n"
        )
    };
    let named = GRANTS.replace("PLACE", "domain = \"hub\"");
    let roles = [("alice", &*named)];
    let mut hall = Hall::in_world(World::builder().server_conf(leaf), &roles).await;
    eventually("the hub's JetStream at the leaf", || async {
        hall.admin.request("$JS.hub.API.INFO", "".into()).await.ok()
    })
    .await;
    let options = async_nats::ConnectOptions::with_user_and_password("app".into(), "app".into());
    hall.admin = options.connect(hub.url()).await.unwrap();
    fill(&hall).await;

    for (file, order) in [(PY, "o1"), (JS, "o2")] {
        let expected = [
            ("kv.get prefs alice.theme", "dark"),
            ("kv.get prefs bob.theme", DENIED),
            ("watch KV_prefs $KV.prefs.alice.>", "dark"),
            ("watch KV_prefs $KV.prefs.bob.>", DENIED),
            ("fetch ORDERS billing", order),
            ("fetch ORDERS shipping", DENIED),
        ];
        hall.expect_with(file, "alice", &["--domain", "hub"], &expected).await;
        // The leaf's own JetStream is another.
        hall.expect(file, "alice", &[("fetch ORDERS billing", DENIED)]).await;
    }
    let written = [("kv.put prefs alice.theme dim", "done"), ("kv.put prefs bob.theme x", DENIED)];
    hall.expect_with(JS, "alice", &["--domain", "hub"], &written).await;
    // nats-py writes keys without the domain's prefix, whatever it was told.
    let written = [("kv.put prefs alice.theme x", DENIED)];
    hall.expect_with(PY, "alice", &["--domain", "hub"], &written).await;
}

/// A server takes its own domain's prefix for no prefix, and does so before it looks at
/// permissions.
#[tokio::test]
async fn a_domain_at_home() {
    let domain = |conf: &str| conf.replace("jetstream {", "jetstream {\n  domain: hub");
    let (plain, named) = (GRANTS.replace("PLACE", ""), GRANTS.replace("PLACE", "domain = \"hub\""));
    let roles = [("alice", &*plain), ("bob", &*named)];
    let hall = Hall::in_world(World::builder().server_conf(domain), &roles).await;
    fill(&hall).await;
    let expected = [
        ("kv.get prefs alice.theme", "dark"),
        ("kv.get prefs bob.theme", DENIED),
        ("fetch ORDERS billing", "o1"),
    ];
    hall.expect_with(PY, "alice", &["--domain", "hub"], &expected).await;
    hall.expect_with(PY, "bob", &["--domain", "hub"], &[("fetch ORDERS billing", DENIED)]).await;
}

/// The JetStream of another account, imported under a prefix.
fn importing(conf: &str) -> String {
    let app = "  APP {
    imports: [
      { service: { account: STORE, subject: \"$JS.API.>\" }, to: \"JS.store.>\" }
      { service: { account: STORE, subject: \"$KV.prefs.>\" }, to: \"JS.store.$KV.prefs.>\" }
      { service: { account: STORE, subject: \"$JS.ACK.>\" } }
    ]
    users: [";
    let store = "  STORE {
    jetstream: enabled
    exports: [
      { service: \"$JS.API.>\", response_type: stream }
      { service: \"$KV.prefs.>\" }
      { service: \"$JS.ACK.>\" }
    ]
    users: [{ user: store, password: store }]
  }

  SYS {\n";
    conf.replace("  APP {\n    jetstream: enabled\n    users: [", app)
        .replace("  SYS {\n", store)
        .replace("auth_users: [", "auth_users: [\n      store")
}

async fn store(hall: &mut Hall) {
    let options =
        async_nats::ConnectOptions::with_user_and_password("store".into(), "store".into());
    hall.admin = options.connect(hall.world.nats.url()).await.unwrap();
    fill(hall).await;
}

#[tokio::test]
async fn an_imported_api() {
    let named = GRANTS.replace("PLACE", "api_prefix = \"JS.store\"");
    let roles = [("alice", &*named)];
    let mut hall = Hall::in_world(World::builder().server_conf(importing), &roles).await;
    store(&mut hall).await;
    let prefix = ["--api-prefix", "JS.store"];
    for (file, order) in [(PY, "o1"), (JS, "o2")] {
        let expected = [
            ("kv.get prefs alice.theme", "dark"),
            ("kv.get prefs bob.theme", DENIED),
            ("fetch ORDERS billing", order),
            ("fetch ORDERS shipping", DENIED),
        ];
        hall.expect_with(file, "alice", &prefix, &expected).await;
    }
    let written = [("kv.put prefs alice.theme dim", "done"), ("kv.put prefs bob.theme x", DENIED)];
    hall.expect_with(JS, "alice", &prefix, &written).await;
}

/// What [`notes::direct_get`](super::notes) shows ends at the import: the reply subject is one
/// of the importing account, and JetStream is in the other.
#[tokio::test]
async fn an_import_bounds_where_answers_go() {
    let named = GRANTS.replace("PLACE", "api_prefix = \"JS.store\"");
    let roles = [("alice", &*named)];
    let mut hall = Hall::in_world(World::builder().server_conf(importing), &roles).await;
    store(&mut hall).await;
    let get = "JS.store.DIRECT.GET.KV_prefs.$KV.prefs.alice.theme";
    for reply in [
        "$JS.API.STREAM.PURGE.ORDERS",
        "JS.store.STREAM.PURGE.ORDERS",
        "JS.store.$KV.prefs.bob.theme",
        "orders.3",
    ] {
        let operation = format!("publish {get}  {reply}");
        hall.expect(PY, "alice", &[(&operation, "done"), (&format!("request {get}"), "dark")])
            .await;
    }
    assert_eq!(hall.messages("ORDERS").await, 2);
    assert_eq!(hall.messages("KV_prefs").await, 2);
}
