//! What an instance left and nobody can have is told, while it lasts and at the end.

use hallpass::names::InstanceId;

use crate::support::{World, with_admin};

/// A start and a stop beside what another instance left: the exit code and the log.
async fn beside(world: &mut World) -> (Option<i32>, String) {
    world.add_hallpass(&[]).await;
    world.log_in("in", &world.token("x", &["orders:read"])).await.unwrap();
    let mut hallpass = world.hallpass.pop().unwrap();
    let status = hallpass.terminate().await;
    (status.code(), hallpass.log())
}

#[tokio::test]
async fn what_cannot_be_locked_or_read_is_told_at_the_end_and_stays() {
    let (mut world, _admin) = with_admin().await;
    let place = format!("audit-spool/{}", InstanceId::fresh());
    let spool = world.directory().join(&place);
    let end = format!("what an instance left in `{place}` cannot be read");
    // A lock that is none, and then a segment that is none: whoever runs the tests, neither opens.
    for (obstacle, says) in [
        ("lock", "what an instance left there cannot be had"),
        ("1.spool", "an audit spool cannot be read"),
    ] {
        std::fs::create_dir_all(spool.join(obstacle)).unwrap();
        let (code, log) = beside(&mut world).await;
        assert_eq!(code, Some(1), "{log}");
        let logged = log.lines().find(|line| line.contains(says));
        assert!(logged.is_some_and(|line| line.contains(&place)), "{log}");
        assert!(log.contains(&end), "{log}");
        assert!(spool.join(obstacle).exists());
        std::fs::remove_dir(spool.join(obstacle)).unwrap();
    }
    let (code, log) = beside(&mut world).await;
    assert_eq!(code, Some(0), "{log}");
    assert!(!spool.exists(), "nothing is in it");
}
