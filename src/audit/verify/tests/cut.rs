//! A part of a trail, from which something was cut.

use std::time::Duration;

use super::*;

/// Two instances that name each other once a second; who is named goes first. What each has when
/// the first round is over is returned too.
fn two_that_talk(key: &KeyPair) -> (Instance, Instance, [usize; 2]) {
    let (mut a, mut b) = (Instance::start(key), Instance::start(key));
    a.checkpoint(&[]);
    b.checkpoint(&[a.chain.head()]);
    let begun = [a.trail.len(), b.trail.len()];
    for _ in 0..10 {
        a.decide("a").checkpoint(&[b.chain.head()]);
        b.decide("b").checkpoint(&[a.chain.head()]);
    }
    (a, b, begun)
}

fn of_file(key: &KeyPair, trails: &[&[Sealed]]) -> Report {
    let lines: Vec<_> = trails.iter().flat_map(|it| payloads(it)).collect();
    read(&[key], &lines, Beginning::Unknown)
}

/// What is said of an instance: what is missing.
#[track_caller]
fn missing(report: &Report, instance: InstanceId) -> (Option<u64>, Option<u64>) {
    let of = |it: &&Finding| it.kind == Kind::Missing && it.instance == Some(instance);
    let finding = report.findings.iter().find(of).unwrap_or_else(|| panic!("{report:?}"));
    (finding.sequence, finding.last)
}

#[test]
fn an_instance_that_was_cut_out_of_a_file_is_missed() {
    let key = KeyPair::new_user();
    let (a, b, _) = two_that_talk(&key);
    assert!(of_file(&key, &[&a.trail, &b.trail]).intact);
    // Both began within the same second, so that says nothing.
    assert_eq!(missing(&of_file(&key, &[&b.trail]), a.id()), (Some(4), Some(22)));
    assert_eq!(missing(&of_file(&key, &[&a.trail]), b.id()), (Some(2), Some(20)));
    let since = b.now + Duration::from_secs(3600);
    let report = read(&[&key], &payloads(&b.trail), Beginning::Retained { since });
    assert!(report.intact && report.gone == [a.id()], "all of it is older: {report:?}");
}

#[test]
fn a_beginning_that_was_cut_out_of_a_file_is_missed() {
    let key = KeyPair::new_user();
    let (a, b, begun) = two_that_talk(&key);
    let report = of_file(&key, &[&a.trail[11..], &b.trail]);
    assert_eq!(missing(&report, a.id()), (Some(4), Some(11)), "{report:?}");
    assert!(report.chains[0].begins_later, "of what was before, nothing is known");
    // A part that begins for everybody at the same time is a part.
    let [of_a, of_b] = begun;
    for round in 0..9 {
        let (of_a, of_b) = (of_a + 2 * round, of_b + 2 * round);
        let report = of_file(&key, &[&a.trail[of_a..], &b.trail[of_b..]]);
        assert!(report.intact, "{round}: {report:?}");
    }
}

#[test]
fn what_somebody_heard_of_as_it_began_may_be_from_before() {
    let key = KeyPair::new_user();
    let mut a = a_chain(&key);
    a.now += Duration::from_secs(3600);
    a.decide("a").stop();
    let mut b = Instance::start(&key);
    b.now = a.now;
    // Its start is told at that time as well.
    b.decide("b").checkpoint(&[a.chain.head()]).decide("c").checkpoint(&[]);
    let report = of_file(&key, &[&b.trail[1..]]);
    assert!(report.intact, "{report:?}");
    assert_eq!(report.gone, [a.id()]);
    let lines = payloads(&b.trail[1..]);
    let mut verifier = believing(&[&key]);
    for (payload, at) in lines.iter().zip(1..) {
        verifier.take(Found { at, subject: None, message_id: None, payload });
    }
    let report = verifier.finish(Beginning::Unknown, true);
    assert_eq!(missing(&report, a.id()), (Some(1), Some(10)));
}

#[test]
fn a_tail_that_was_cut_out_of_a_file_is_missed() {
    let key = KeyPair::new_user();
    let (a, b, _) = two_that_talk(&key);
    let report = of_file(&key, &[&a.trail[..9], &b.trail]);
    assert_eq!(missing(&report, a.id()), (Some(10), Some(22)), "{report:?}");
}

#[test]
fn days_that_were_cut_out_of_the_middle_of_a_file_are_missed() {
    let key = KeyPair::new_user();
    // One instance stopped as the other began, which then was alone.
    let (mut a, mut b) = (a_chain(&key), Instance::start(&key));
    a.decide("last").stop();
    b.checkpoint(&[a.chain.head()]);
    for _ in 0..30 {
        b.now += Duration::from_secs(24 * 3600);
        b.decide("a day").checkpoint(&[]);
    }
    assert!(of_file(&key, &[&a.trail, &b.trail]).intact);
    let report = of_file(&key, &[&a.trail, &b.trail[60..]]);
    assert_eq!(missing(&report, b.id()), (Some(1), Some(60)));
    // Of the other nothing is left: that is a later beginning.
    assert!(of_file(&key, &[&b.trail[60..]]).intact);
}
