use super::*;
use crate::audit::{chain::Chain, floor::State};

fn events(chain: &mut Chain, count: usize) -> Vec<Sealed> {
    let seal = |n| chain.seal("gap._.recorded", &format!("\"n\":{n}"), None).unwrap();
    (0..count).map(seal).collect()
}

fn floor(last: u64) -> Floor {
    Floor::end_of(State { made: jiff::Timestamp::UNIX_EPOCH, last })
}

/// A spool with events in it, left as a kill leaves it.
fn abandoned(root: &Path, count: usize) -> (InstanceId, Vec<Sealed>) {
    let instance = InstanceId::fresh();
    let mut spool = Spool::open(root, instance, 1 << 20).unwrap();
    let events = events(&mut Chain::new(instance), count);
    let (one, other) = events.split_at(count / 2);
    spool.append(one, floor(17)).unwrap();
    spool.append(other, floor(99)).unwrap();
    (instance, events)
}

fn found(root: &Path) -> Vec<Leftover> {
    let found = leftovers(root);
    assert!(found.out_of_reach.is_empty(), "{found:?}");
    found.leftovers
}

fn only_file(root: &Path, instance: InstanceId) -> PathBuf {
    segment_path(&root.join(instance.to_string()), 1)
}

#[test]
fn what_was_left_behind_is_found_in_order_and_read_back() {
    let root = tempfile::tempdir().unwrap();
    let (instance, events) = abandoned(root.path(), 5);
    let [leftover] = &found(root.path())[..] else { panic!() };
    assert_eq!(leftover.instance(), instance);
    let mut contents = leftover.read().unwrap();
    assert_eq!((contents.window.undelivered(), contents.floor), (5, Some(floor(17))));
    assert_eq!(contents.head.unwrap().sequence, 5);
    for event in &events {
        let Some(super::super::window::Outgoing::Stored(sequence, _, place)) =
            contents.window.take_next(0)
        else {
            panic!()
        };
        assert_eq!(sequence, event.sequence);
        assert_eq!(contents.window.subject(sequence), event.subject);
        assert_eq!(read_event(leftover.directory(), place).unwrap(), event.payload);
    }
    assert!(found(root.path()).is_empty(), "it is locked: another takes care of it");
}

#[test]
fn a_torn_end_is_passed_over_wherever_it_is_torn() {
    let root = tempfile::tempdir().unwrap();
    let (instance, events) = abandoned(root.path(), 2);
    let path = only_file(root.path(), instance);
    let whole = std::fs::read(&path).unwrap();
    let last = events[1].subject.len() + 1 + events[1].payload.len() + 1;
    for cut in 1..=last {
        std::fs::write(&path, &whole[..whole.len() - cut]).unwrap();
        let [leftover] = &found(root.path())[..] else { panic!() };
        let contents = leftover.read().unwrap();
        assert_eq!(contents.window.undelivered(), 1, "{cut} bytes less");
        assert!(!contents.is_damaged, "{cut} bytes less");
        assert_eq!(contents.head.unwrap().sequence, 1);
    }
}

#[test]
fn what_was_changed_on_the_disk_is_no_torn_end_and_what_follows_is_delivered() {
    let root = tempfile::tempdir().unwrap();
    let (instance, events) = abandoned(root.path(), 3);
    let path = only_file(root.path(), instance);
    let text = String::from_utf8(std::fs::read(&path).unwrap()).unwrap();
    let middle = std::str::from_utf8(&events[1].payload).unwrap();
    std::fs::write(&path, text.replace(middle, &middle.replace("\"n\":1", "\"n\":7"))).unwrap();
    let [leftover] = &found(root.path())[..] else { panic!() };
    let mut contents = leftover.read().unwrap();
    assert_eq!((contents.window.undelivered(), contents.head.unwrap().sequence), (2, 3));
    assert!(contents.is_damaged);
    let last = std::str::from_utf8(&events[2].payload).unwrap();
    std::fs::write(&path, text.replace(last, &last.replace("\"n\":2", "\"n\":7"))).unwrap();
    assert!(leftover.read().unwrap().is_damaged, "a whole last line is not torn");
    contents.window.delivered(1);
    assert!(contents.window.take_next(0).is_some());
    std::fs::write(&path, "something else\n").unwrap();
    let contents = leftover.read().unwrap();
    assert_eq!((contents.window.undelivered(), contents.floor), (0, None));
    assert!(contents.is_damaged);
    std::fs::write(&path, "hallpass-audit-sp").unwrap();
    assert!(!leftover.read().unwrap().is_damaged, "it was just begun");
}

#[test]
fn it_takes_no_more_than_it_may_and_has_room_again() {
    const MOST: u64 = 512 * 1024;
    let root = tempfile::tempdir().unwrap();
    let instance = InstanceId::fresh();
    let mut chain = Chain::new(instance);
    let mut spool = Spool::open(root.path(), instance, MOST).unwrap();
    let mut last = None;
    let error = loop {
        match spool.append(&events(&mut chain, 100), Floor::BEGINNING) {
            Ok(places) => last = Some(places[0]),
            Err(error) => break error,
        }
    };
    assert!(error.to_string().ends_with("`audit.spool.max_bytes` is 524288"), "{error}");
    assert!(matches!(error, SpoolError::Full { .. }));
    assert_eq!(last.unwrap().segment, 1);
    // As soon as the stream has everything, however small the spool may be.
    spool.release(&[1]);
    assert_eq!(spool.append(&events(&mut chain, 100), Floor::BEGINNING).unwrap()[0].segment, 2);
    assert!(!only_file(root.path(), instance).exists());
}

#[test]
fn what_the_head_of_a_segment_does_not_hold_for_goes_into_another() {
    let root = tempfile::tempdir().unwrap();
    let instance = InstanceId::fresh();
    let mut chain = Chain::new(instance);
    let mut spool = Spool::open(root.path(), instance, 1 << 20).unwrap();
    let mut segment_of =
        |spool: &mut Spool, floor| spool.append(&events(&mut chain, 1), floor).unwrap()[0].segment;
    assert_eq!(segment_of(&mut spool, Floor::BEGINNING), 1);
    assert_eq!(segment_of(&mut spool, floor(50_000)), 1, "the beginning holds for all");
    spool.release(&[1]);
    assert_eq!(segment_of(&mut spool, floor(50_000)), 2, "it would be long to look from there");
    assert!(!only_file(root.path(), instance).exists());
    assert_eq!(segment_of(&mut spool, floor(90_000)), 2);
    assert_eq!(segment_of(&mut spool, floor(900)), 3, "the stream lost its end");
    drop(spool);
    let [leftover] = &leftovers(root.path()).leftovers[..] else { panic!() };
    assert_eq!(leftover.read().unwrap().floor, Some(floor(900)));
}

#[test]
fn what_is_needed_stays_when_it_is_closed() {
    let root = tempfile::tempdir().unwrap();
    let (instance, _) = abandoned(root.path(), 2);
    let mut spool = Spool::open(root.path(), InstanceId::fresh(), 1 << 20).unwrap();
    spool.append(&events(&mut Chain::new(InstanceId::fresh()), 1), Floor::BEGINNING).unwrap();
    spool.close();
    assert!(only_file(root.path(), instance).exists());
    assert_eq!(found(root.path()).len(), 2);
}

#[test]
fn nothing_is_left_of_a_spool_that_is_not_needed() {
    let root = tempfile::tempdir().unwrap();
    let instance = InstanceId::fresh();
    let mut spool = Spool::open(root.path(), instance, 1 << 20).unwrap();
    spool.append(&events(&mut Chain::new(instance), 1), Floor::BEGINNING).unwrap();
    spool.release(&[1]);
    assert!(only_file(root.path(), instance).exists(), "more may be added");
    spool.close();
    assert_eq!(std::fs::read_dir(root.path()).unwrap().count(), 0);
}

#[test]
fn a_place_that_cannot_be_written_is_named() {
    let root = tempfile::tempdir().unwrap();
    let taken = root.path().join("taken");
    std::fs::write(&taken, "").unwrap();
    let error = Spool::open(&taken, InstanceId::fresh(), 1 << 20).unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with(&format!("the audit spool `{}` cannot be written: ", taken.display()))
    );
    assert!(leftovers(&root.path().join("nowhere")).out_of_reach.is_empty(), "nobody was there");
    assert_eq!(leftovers(&taken).out_of_reach, [taken]);
}

#[test]
fn what_cannot_be_locked_is_told_unless_somebody_runs_there() {
    let root = tempfile::tempdir().unwrap();
    let (instance, _) = abandoned(root.path(), 2);
    let running = Spool::open(root.path(), InstanceId::fresh(), 1 << 20).unwrap();
    let unlockable = root.path().join(InstanceId::fresh().to_string());
    std::fs::create_dir_all(unlockable.join(LOCK)).unwrap();
    std::fs::create_dir_all(root.path().join("parked/lock")).unwrap();
    let found = leftovers(root.path());
    let instances: Vec<_> = found.leftovers.iter().map(Leftover::instance).collect();
    assert_eq!((instances, found.out_of_reach), (vec![instance], vec![unlockable]));
    drop(running);
}

#[test]
fn what_cannot_be_read_is_an_error_and_nothing_of_it_is_taken_for_all() {
    let root = tempfile::tempdir().unwrap();
    let (instance, _) = abandoned(root.path(), 2);
    std::fs::create_dir(root.path().join(format!("{instance}/2.spool"))).unwrap();
    let [leftover] = &found(root.path())[..] else { panic!() };
    assert!(leftover.read().is_err() && leftover.head().is_err());
}
