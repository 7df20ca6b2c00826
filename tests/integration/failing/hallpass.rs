//! hallpass is away.

use super::staying::{AS_ADVISED, Kind, Staying};
use crate::support::{Cable, World, eventually};

async fn cable(world: &World) -> Cable {
    Cable::to(world.nats.url().split_once("://").unwrap().1.to_owned()).await
}

/// Starts them, takes hallpass away, and then the connections.
async fn stranded(kinds: &[Kind]) -> (World, Cable, Vec<Staying>) {
    let mut world = World::builder().without_system().start().await;
    let cable = cable(&world).await;
    let token = world.token("alice", &["orders:read"]);
    let mut clients = Vec::new();
    for kind in kinds {
        clients.push(Staying::start(*kind, &cable.url(), &token).await);
    }
    assert!(world.hallpass[0].terminate().await.success());
    for client in &clients {
        client.is_reached(&world).await;
        assert_eq!(client.count("disconnected"), 0, "a session needs no hallpass");
    }
    cable.cut();
    for client in &clients {
        client.says("disconnected", 1).await;
    }
    cable.mend();
    (world, cable, clients)
}

#[tokio::test]
async fn who_is_in_stays_and_who_keeps_trying_is_back_with_it() {
    let (mut world, _cable, clients) = stranded(&AS_ADVISED).await;
    for client in &clients {
        eventually(&format!("three refusals of {:?}", client.kind), || async {
            (client.refusals() >= 3).then_some(())
        })
        .await;
    }
    world.add_hallpass(&[]).await;
    for client in &clients {
        client.is_reached(&world).await;
        assert_eq!(client.count("closed"), 0, "{:?}", client.said());
    }
}

/// The npm client gives up after two authorization errors in a row unless told otherwise; the
/// others go on.
#[tokio::test]
async fn a_client_that_gives_up_after_two_refusals_is_lost_for_good() {
    let kinds = [Kind::Node { keeps_trying: false }, Kind::Python { keeps_trying: false }];
    let (mut world, _cable, clients) = stranded(&kinds).await;
    clients[0].says("closed", 1).await;
    assert_eq!(clients[0].refusals(), 2, "{:?}", clients[0].said());
    world.add_hallpass(&[]).await;
    clients[1].is_reached(&world).await;
    assert_eq!((clients[0].count("reconnected"), clients[1].count("closed")), (0, 0));
}
