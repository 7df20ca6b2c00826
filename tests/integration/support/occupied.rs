//! The audit account with somebody in it who may do anything there.

use async_nats::jetstream::{self, stream::Config};

use super::World;

/// A world in which another stream holds the audit stream's subjects, so that the audit stream
/// cannot be, and somebody who can take the other one away.
pub async fn occupied(arguments: &[&str]) -> (World, jetstream::Context) {
    let (mut world, context) = with_admin().await;
    let other = Config {
        name: "OTHER".to_owned(),
        subjects: vec!["hallpass.audit.>".to_owned()],
        ..Config::default()
    };
    context.create_stream(other).await.unwrap();
    world.add_hallpass(arguments).await;
    (world, context)
}

/// A world without hallpass as yet, and somebody who may do anything in the audit account.
pub async fn with_admin() -> (World, jetstream::Context) {
    let admin = nkeys::KeyPair::new_user();
    let nkey = admin.public_key();
    let world = World::builder()
        .without_system()
        .server_conf(|conf| {
            conf.replace(
                "# hallpass itself: creates the stream",
                &format!("{{ nkey: {nkey} }}\n      # hallpass itself: creates the stream"),
            )
            .replace("auth_users: [", &format!("auth_users: [{nkey}, "))
        })
        .replicas(0)
        .start()
        .await;
    let options = async_nats::ConnectOptions::with_nkey(admin.seed().unwrap());
    let context = jetstream::new(options.connect(world.nats.url()).await.unwrap());
    (world, context)
}
