//! Chains that somebody invented, who has not the key.

use std::time::Duration;

use super::*;

const HOUR: Duration = Duration::from_secs(3600);

/// An hour of an instance that signs.
fn an_hour(key: &KeyPair) -> Instance {
    let mut it = a_chain(key);
    it.now += HOUR;
    it.decide("later").checkpoint(&[]);
    it
}

/// The instance of an event's id replaced, and everything mended.
fn as_instance(lines: &[Vec<u8>], from: InstanceId, to: &str) -> Vec<Vec<u8>> {
    written_anew(lines, 0, |_, text| text.replace(&from.to_string(), to))
}

/// Of the sentence of the first finding, this.
#[track_caller]
fn says(report: &Report, kind: Kind, what: &str) {
    let finding = report.first().unwrap_or_else(|| panic!("intact: {report:?}"));
    assert_eq!(finding.kind, kind, "{report:?}");
    assert!(finding.what.contains(what), "{finding:?}");
}

#[test]
fn an_instance_signs_its_first_event() {
    let key = KeyPair::new_user();
    let mut killed = Instance::start(&key);
    killed.decide_all(3);
    let report = verify(&[&key], &payloads(&killed.trail));
    assert!(report.intact, "{report:?}");
    assert_eq!((report.chains[0].vouched_until, report.unvouched()), (Some(1), 3));
    let mut forged = Instance::forged(&[]);
    forged.decide_all(3);
    let forged = payloads(&forged.trail);
    for lines in [forged.clone(), [payloads(&an_hour(&key).trail), forged].concat()] {
        says(&verify(&[&key], &lines), Kind::Added, "has ever vouched for");
    }
}

#[test]
fn who_takes_over_vouches_for_what_nobody_signed() {
    let key = KeyPair::new_user();
    let mut killed = Instance::start(&key);
    killed.decide_all(3);
    let mut next = Instance::resuming(&key, &[killed.chain.head()]);
    next.checkpoint(&[]).now += HOUR;
    next.decide("later").checkpoint(&[]);
    let report = verify(&[&key], &[payloads(&killed.trail), payloads(&next.trail)].concat());
    assert!(report.intact, "{report:?}");
    assert_eq!(report.chains[0].resumed_by, Some(next.id()));
}

#[test]
fn a_chain_that_begins_later_is_not_excused_by_that() {
    let key = KeyPair::new_user();
    let real = an_hour(&key);
    let mut forged = Instance::forged(&[]);
    forged.decide_all(5).now += HOUR;
    forged.decide_all(5);
    for beginning in [Beginning::Unknown, Beginning::Retained { since: Timestamp::now() }] {
        let with = |forged: &[Sealed]| {
            read(&[&key], &[payloads(&real.trail[3..]), payloads(forged)].concat(), beginning)
        };
        assert!(with(&[]).intact);
        says(&with(&forged.trail[3..]), Kind::Added, "has ever vouched for");
        // What is left of one that was killed, whose last checkpoint is gone already.
        assert!(with(&forged.trail[3..6]).intact);
        says(&with(&forged.trail[7..]), Kind::Added, "has ever vouched for");
        let mut many = Instance::forged(&[]);
        many.decide("a");
        for _ in 0..1001 {
            many.now = many.id().started_at().unwrap();
            many.decide("b");
        }
        assert!(with(&many.trail[2..1002]).intact);
        says(&with(&many.trail[2..]), Kind::Added, "has ever vouched for");
    }
}

#[test]
fn an_instance_has_an_id_of_its_time() {
    let key = KeyPair::new_user();
    let mut invented = Instance::forged(&[]);
    invented.decide_all(3);
    let lines = payloads(&invented.trail);
    let random = "919108f7-52d1-4320-9bac-f847db4148a8";
    let forged = as_instance(&lines, invented.id(), random);
    for report in [verify(&[&key], &forged), read(&[&key], &forged[2..], Beginning::Unknown)] {
        says(&report, Kind::Added, "it is no UUIDv7");
    }
    let future = "02a1fb94-ec80-765c-9cb5-10b98ff2e5c9";
    says(&verify(&[&key], &as_instance(&lines, invented.id(), future)), Kind::Added, "it is older");
}

#[test]
fn a_line_that_breaks_off_and_one_that_is_no_event_are_told_apart() {
    let key = KeyPair::new_user();
    let mut lines = payloads(&a_chain(&key).trail);
    let last = lines.pop().unwrap();
    let with = |line: &[u8]| verify(&[&key], &[lines.clone(), vec![line.to_vec()]].concat());
    for end in [30, 200, last.len() - 1] {
        says(&with(&last[..end]), Kind::Changed, "its end was cut off");
    }
    says(&with(b""), Kind::Added, "an empty line");
    says(&with(b"{"), Kind::Added, "no event of hallpass");
    assert!(with(&last).intact);
    let pretty: Vec<_> = (0..3000).map(|_| b"  \"id\": \"x\",".to_vec()).collect();
    let report = verify(&[&key], &pretty);
    assert_eq!((report.findings.len(), report.told, report.recognized), (1000, 3000, 0));
}

#[test]
fn who_signed_is_told() {
    let (key, other) = (KeyPair::new_user(), KeyPair::new_user());
    let lines = payloads(&a_chain(&other).trail);
    let report = verify(&[&key], &lines);
    says(&report, Kind::Changed, &format!("believed, but by `{}`", other.public_key()));
    assert_eq!(report.strangers, [other.public_key()].into());
    assert_eq!(verify(&[&other], &lines).chains[0].signed_by, [other.public_key()]);
}
