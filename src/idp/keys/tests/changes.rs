//! Who listens hears of each set of keys that differs from the one before, and of no other.

use super::{scripted::Scripted, *};

fn ids(keys: &KeySet) -> Vec<String> {
    keys.iter().map(|key| key.id().unwrap().to_owned()).collect()
}

#[tokio::test(start_paused = true)]
async fn a_change_is_told_once_and_an_outage_is_none() {
    let scripted = Scripted::start().await;
    let mut changes = scripted.keys.changes();
    let first = changes.next().await.unwrap();
    assert!(first.before.is_none(), "keys that were there before anybody listened are the first");
    assert_eq!(ids(&first.now), ["es"]);

    let hours = Duration::from_secs(3 * 3600);
    assert!(tokio::time::timeout(hours, changes.next()).await.is_err(), "the same keys again");
    scripted.goes_away();
    assert!(tokio::time::timeout(hours, changes.next()).await.is_err(), "the issuer is away");
    // Another key under the same name.
    scripted.publishes(&[crate::testkit::other_es256(), rsa()]);
    let second = changes.next().await.unwrap();
    assert_eq!(ids(&second.before.unwrap()), ["es"]);
    assert_eq!(ids(&second.now), ["es", "rsa"]);
    scripted.publishes(&[rsa(), crate::testkit::other_es256()]);
    assert!(tokio::time::timeout(hours, changes.next()).await.is_err(), "in another order");
}
