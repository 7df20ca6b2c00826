//! Several instances, which name each other; and what is cut off at either end.

use std::time::Duration;

use super::*;

/// Two instances; the second has seen the first's last checkpoint.
fn two(key: &KeyPair) -> (Instance, Instance) {
    let a = a_chain(key);
    let mut b = Instance::start(key);
    b.checkpoint(&[]).decide_all(2).checkpoint(&[a.chain.head()]);
    (a, b)
}

#[test]
fn a_tail_that_was_cut_is_missed_by_those_who_saw_it() {
    let key = KeyPair::new_user();
    let (a, b) = two(&key);
    let both = |a: &[Sealed], b: &[Sealed]| [payloads(a), payloads(b)].concat();
    assert!(verify(&[&key], &both(&a.trail, &b.trail)).intact);
    assert!(verify(&[&key], &both(&b.trail, &a.trail)).intact);
    let report = verify(&[&key], &both(&a.trail[..6], &b.trail));
    assert_eq!(first(&report), (Kind::Missing, 6, Some(7)), "{report:?}");
    assert_eq!(report.counts.missing, 2);
    // Nobody has seen b: its end is told, and is no error by itself.
    let report = verify(&[&key], &both(&a.trail, &b.trail[..4]));
    assert!(report.intact);
    assert_eq!((report.unvouched(), report.chains[1].stopped), (2, false));
}

#[test]
fn an_instance_that_was_dropped_whole_is_missed() {
    let key = KeyPair::new_user();
    let (a, b) = two(&key);
    let report = verify(&[&key], &payloads(&b.trail));
    assert_eq!(first(&report), (Kind::Missing, 5, Some(1)), "{report:?}");
    assert_eq!(report.first().unwrap().instance, Some(a.id()));
    assert_eq!(report.counts.missing, 8);
    // It may have been before what is kept.
    let since = b.id().started_at().unwrap() + Duration::from_secs(3600);
    let report = read(&[&key], &payloads(&b.trail), Beginning::Retained { since });
    assert!(report.intact, "{report:?}");
    assert_eq!(report.gone, [a.id()]);
    // It started after what is kept begins.
    let since = a.id().started_at().unwrap() - Duration::from_secs(61);
    let report = read(&[&key], &payloads(&b.trail), Beginning::Retained { since });
    assert_eq!(first(&report).0, Kind::Missing);
}

#[test]
fn what_an_instance_left_behind_is_missed_too() {
    let key = KeyPair::new_user();
    let mut a = a_chain(&key);
    a.decide_all(2);
    let b = Instance::resuming(&key, &[a.chain.head()]);
    let lines = [payloads(&b.trail), payloads(&a.trail)].concat();
    assert!(verify(&[&key], &lines).intact);
    let report = verify(&[&key], &lines[..lines.len() - 1]);
    assert_eq!(first(&report), (Kind::Missing, 10, Some(10)), "{report:?}");
    assert_eq!(first(&verify(&[&key], &lines[..1])), (Kind::Missing, 1, Some(1)));
}

#[test]
fn an_end_that_was_written_anew_is_not_the_one_that_others_saw() {
    let key = KeyPair::new_user();
    let mut a = a_chain(&key);
    a.decide("true");
    let b = Instance::resuming(&key, &[a.chain.head()]);
    let mut lines = payloads(&a.trail);
    lines[8] = mended(&lines[8], "\"what\":\"true\"", "\"what\":\"false\"");
    for lines in [[lines.clone(), payloads(&b.trail)], [payloads(&b.trail), lines]] {
        let report = verify(&[&key], &lines.concat());
        let finding = report.first().unwrap();
        assert_eq!((finding.kind, finding.sequence), (Kind::Changed, Some(9)), "{report:?}");
    }
}

#[test]
fn what_retention_removed_is_not_missing() {
    let key = KeyPair::new_user();
    let lines = payloads(&a_chain(&key).trail);
    let later = Timestamp::now() + Duration::from_secs(10);
    let left = &lines[3..];
    let report = read(&[&key], left, Beginning::Retained { since: later });
    assert!(report.intact, "{report:?}");
    assert!(report.chains[0].begins_later && report.chains[0].first == 4);
    assert!(read(&[&key], left, Beginning::Unknown).intact);
    // The stream has lost nothing, or was made before the instance started, or was purged.
    assert_eq!(first(&verify(&[&key], left)), (Kind::Missing, 1, Some(1)));
    let early = Timestamp::now() - Duration::from_secs(3600);
    let report = read(&[&key], left, Beginning::Retained { since: early });
    assert_eq!(first(&report), (Kind::Missing, 1, Some(1)));
    let report = read(&[&key], left, Beginning::Purged { count: 3 });
    assert_eq!(first(&report), (Kind::Missing, 1, None));
    let mut verifier = believing(&[&key]);
    for (line, at) in left.iter().zip(1..) {
        verifier.take(Found { at, subject: None, message_id: None, payload: line });
    }
    assert_eq!(first(&verifier.finish(Beginning::Unknown, true)), (Kind::Missing, 1, Some(1)));
}

#[test]
fn who_is_not_believed_cannot_say_that_something_is_missing() {
    let (key, other) = (KeyPair::new_user(), KeyPair::new_user());
    let a = a_chain(&key);
    let mut liar = Instance::start(&other);
    liar.checkpoint(&[Head { sequence: 99, ..a.chain.head() }]);
    let report = verify(&[&key], &[payloads(&a.trail), payloads(&liar.trail)].concat());
    assert_eq!(report.counts.missing, 0, "{report:?}");
    assert_eq!(report.counts.changed, 2, "its start and its checkpoint");
}

#[test]
fn who_takes_over_vouches_for_what_was_left() {
    let key = KeyPair::new_user();
    // It never reached the stream, and so signed nothing but its start.
    let mut a = Instance::start(&key);
    a.decide("a").now += Duration::from_secs(3600);
    a.decide("b");
    let alone = verify(&[&key], &payloads(&a.trail));
    assert_eq!((alone.chains[0].vouched_until, alone.unvouched()), (Some(1), 2));
    let b = Instance::of(InstanceId::fresh(), &key, &[a.chain.head()], false);
    let unsigned = verify(&[&key], &[payloads(&b.trail), payloads(&a.trail)].concat());
    assert_eq!(unsigned.unvouched(), 3, "who does not sign vouches for nobody");
    let b = Instance::resuming(&key, &[a.chain.head()]);
    for lines in [[&b, &a], [&a, &b]] {
        let report = verify(&[&key], &lines.map(|it| payloads(&it.trail)).concat());
        assert!(report.intact, "{report:?}");
        assert_eq!((report.chains[0].vouched_until, report.unvouched()), (Some(3), 0));
    }
}
