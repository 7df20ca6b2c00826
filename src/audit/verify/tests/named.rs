//! Events that others name, and that are written anew.

use super::*;
use crate::audit::verify::names::{Named, Verdict};

/// Both ways around.
fn each_order(a: &[Vec<u8>], b: &[Vec<u8>]) -> [Vec<Vec<u8>>; 2] {
    [[a, b].concat(), [b, a].concat()]
}

/// An instance that signed, and went on; and another that names what it signed last.
fn named() -> (KeyPair, Instance, Instance) {
    let key = KeyPair::new_user();
    let mut a = a_chain(&key);
    let head = a.chain.head();
    a.decide_all(4);
    let mut b = Instance::start(&key);
    b.checkpoint(&[]).decide("x").checkpoint(&[head]);
    (key, a, b)
}

#[test]
fn a_checkpoint_that_was_made_another_event_is_missed_by_those_who_named_it() {
    let (key, a, b) = named();
    let (honest, b) = (payloads(&a.trail), payloads(&b.trail));
    let forged = written_anew(&honest, 3, |index, text| match index {
        3 => text.replace("\"what\":\"1\"", "\"what\":\"9\""),
        7 => text.replace("hallpass.checkpoint", "hallpass.gap"),
        _ => text.to_owned(),
    });
    assert!(verify(&[&key], &forged).intact, "by itself, it is a chain that signed once");
    for (honest, forged) in each_order(&honest, &b).iter().zip(each_order(&forged, &b)) {
        assert!(verify(&[&key], honest).intact);
        let report = verify(&[&key], &forged);
        let finding = report.first().unwrap();
        assert_eq!((finding.kind, finding.sequence), (Kind::Changed, Some(8)), "{report:?}");
        assert_eq!(finding.instance, Some(a.id()));
    }
}

#[test]
fn what_was_named_long_ago_is_compared_as_well() {
    let key = KeyPair::new_user();
    let mut a = a_chain(&key);
    let head = a.chain.head();
    for _ in 0..1500 {
        a.decide("x").checkpoint(&[]);
    }
    let lines = payloads(&a.trail);
    for (head, is_intact) in [(head, true), (Head { hash: Hash::NONE, ..head }, false)] {
        let mut b = Instance::start(&key);
        b.checkpoint(&[]).decide("x").checkpoint(&[head]);
        for lines in each_order(&lines, &payloads(&b.trail)) {
            let report = verify(&[&key], &lines);
            assert_eq!((report.intact, report.uncompared), (is_intact, 0), "{:?}", report.counts);
        }
    }
}

#[test]
fn who_takes_over_names_an_event_that_others_follow() {
    let key = KeyPair::new_user();
    let mut a = a_chain(&key);
    a.decide("true");
    // The stream has what comes after that; the disk has not.
    let head = a.chain.head();
    a.decide_all(3);
    let mut b = Instance::resuming(&key, &[head]);
    b.checkpoint(&[]);
    let (honest, b) = (payloads(&a.trail), payloads(&b.trail));
    let forged = written_anew(&honest, 8, |_, text| text.replace("\"true\"", "\"false\""));
    for (honest, forged) in each_order(&honest, &b).iter().zip(each_order(&forged, &b)) {
        let report = verify(&[&key], honest);
        assert!(report.intact, "{report:?}");
        assert_eq!((report.chains[0].vouched_until, report.unvouched()), (Some(9), 3));
        let report = verify(&[&key], &forged);
        let finding = report.first().unwrap();
        assert_eq!((finding.kind, finding.sequence), (Kind::Changed, Some(9)), "{report:?}");
    }
}

#[test]
fn nobody_speaks_first_to_keep_another_from_being_heard() {
    let (key, a, b) = named();
    let forged = written_anew(&payloads(&a.trail), 3, |index, text| match index {
        3 => text.replace("\"what\":\"1\"", "\"what\":\"9\""),
        7 => text.replace("hallpass.checkpoint", "hallpass.gap"),
        _ => text.to_owned(),
    });
    let head = |line: &[u8]| Link::read(line).unwrap().0.head;
    let liars: Vec<_> = (0..100).map(|_| Instance::forged(&[head(&forged[7])])).collect();
    let mut lines: Vec<_> = liars.iter().flat_map(|it| payloads(&it.trail)).collect();
    lines.extend(payloads(&b.trail));
    let lines = [lines, forged].concat();
    let report = verify(&[&key], &lines);
    let is_told = report
        .findings
        .iter()
        .any(|it| (it.kind, it.instance, it.sequence) == (Kind::Changed, Some(a.id()), Some(8)));
    assert!(is_told, "{report:?}");
    // Nor does who is not believed keep an honest one from vouching.
    let mut left = a_chain(&key);
    left.decide_all(2);
    let mut heir = Instance::resuming(&key, &[left.chain.head()]);
    heir.checkpoint(&[]);
    let liar = Instance::forged(&[left.chain.head()]);
    let lines = [&liar, &left, &heir].map(|it| payloads(&it.trail)).concat();
    assert_eq!(verify(&[&key], &lines).unvouched(), 1, "that of the liar");
}

#[test]
fn who_takes_over_may_be_taken_over_before_it_signs() {
    let key = KeyPair::new_user();
    let ids = [(); 3].map(|()| InstanceId::fresh());
    let mut back = ids;
    // Somebody set the clock back.
    back.reverse();
    for ids in [ids, back] {
        let hour = std::time::Duration::from_secs(3600);
        let mut a = Instance::with_id(ids[0], &key, &[]);
        a.decide("a").now += hour;
        a.decide("b");
        let mut b = Instance::with_id(ids[1], &key, &[a.chain.head()]);
        b.decide("c").now += hour;
        b.decide("d");
        let mut c = Instance::with_id(ids[2], &key, &[b.chain.head()]);
        c.checkpoint(&[]);
        let report = verify(&[&key], &[&a, &b, &c].map(|it| payloads(&it.trail)).concat());
        assert!(report.intact, "{report:?}");
        assert_eq!(report.unvouched(), 0);
        let by: BTreeMap<_, _> =
            report.chains.iter().map(|it| (it.instance, it.resumed_by)).collect();
        let expected = [(ids[0], Some(ids[1])), (ids[1], Some(ids[2])), (ids[2], None)];
        assert_eq!(by, expected.into());
    }
}

#[test]
fn what_is_older_than_all_that_is_remembered_is_counted() {
    let instance = InstanceId::fresh();
    let mark = Mark { at: 1, time: None };
    let mut trace = Trace::default();
    for sequence in 1..=100_010 {
        let head = Head { instance, sequence, hash: Hash::NONE };
        assert!(trace.place(head, Hash::NONE, mark, sequence != 50).is_some());
    }
    let by = Head { instance, sequence: 1, hash: Hash::NONE };
    let named = Named { hash: Hash::NONE, by, mark, resumes: false };
    let mut say = |sequence| (trace.name(sequence, named), trace.names.uncompared);
    assert!(matches!(say(100), (Verdict::Fits, 0)));
    assert!(matches!(say(9), (Verdict::Fits, 1)), "ten and one are forgotten");
    assert!(matches!(say(50), (Verdict::NoCheckpoint, 1)));
}
