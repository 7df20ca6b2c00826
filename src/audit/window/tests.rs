use super::*;
use crate::{
    audit::chain::{Chain, Hash},
    names::InstanceId,
};

fn a_window(count: usize) -> (Window, Vec<oneshot::Receiver<()>>) {
    let mut chain = Chain::new(InstanceId::fresh());
    let mut window = Window::new(1);
    let push = |n: usize| {
        let event = chain.seal("gap._.recorded", &format!("\"n\":{n}"), None).unwrap();
        let (done, safe) = oneshot::channel();
        window.push(event, done, Instant::now());
        safe
    };
    let safe = (0..count).map(push).collect();
    (window, safe)
}

fn a_place(segment: u64) -> Place {
    Place { segment, offset: 0, length: 1 }
}

fn sent(window: &mut Window) -> Vec<u64> {
    let mut sent = Vec::new();
    while let Some(next) = window.take_next(7) {
        sent.push(match next {
            Outgoing::Ready(event) => event.sequence,
            Outgoing::Stored(sequence, ..) => sequence,
        });
    }
    sent
}

fn is_safe(receipt: &mut oneshot::Receiver<()>) -> bool {
    receipt.try_recv().is_ok()
}

#[test]
fn events_leave_in_order_and_what_is_not_acknowledged_leaves_again() {
    let (mut window, mut safe) = a_window(4);
    assert_eq!(sent(&mut window), [1, 2, 3, 4]);
    window.delivered(2);
    assert!(is_safe(&mut safe[1]) && !is_safe(&mut safe[0]));
    assert_eq!((window.undelivered(), window.floor()), (3, Some(7)));
    window.send_again(9);
    assert_eq!(window.floor(), Some(9), "it was not found up to there");
    assert_eq!(sent(&mut window), [1, 3, 4]);
    for sequence in [1, 3, 4, 4, 9] {
        window.delivered(sequence);
    }
    assert_eq!((window.undelivered(), window.at_risk(), window.only_in_memory()), (0, 0, 0));
    assert!(sent(&mut window).is_empty());
}

#[test]
fn the_disk_makes_safe_and_is_asked_for_what_the_stream_has_not() {
    let (mut window, mut safe) = a_window(3);
    window.delivered(2);
    let now = Instant::now();
    assert!(window.oldest_unspooled(now).is_some());
    let batch: Vec<_> = window.to_spool(usize::MAX).iter().map(|it| it.sequence).collect();
    assert_eq!(batch, [1, 3]);
    assert_eq!(window.to_spool(1).len(), 1);
    window.spooled(1, a_place(1));
    window.spooled(3, a_place(1));
    assert!(is_safe(&mut safe[0]) && is_safe(&mut safe[2]));
    assert_eq!(window.oldest_unspooled(now), None);
    assert_eq!((window.undelivered(), window.at_risk(), window.only_in_memory()), (2, 0, 0));
    window.delivered(1);
    assert!(window.take_released().is_empty());
    window.delivered(3);
    assert_eq!(window.take_released(), [1]);
}

#[test]
fn a_segment_whose_events_the_stream_had_before_the_disk_is_released() {
    let (mut window, _safe) = a_window(2);
    let batch = window.to_spool(usize::MAX);
    window.delivered(1);
    window.delivered(2);
    for event in batch {
        window.spooled(event.sequence, a_place(5));
    }
    window.take_released().iter().for_each(|segment| assert_eq!(*segment, 5));
    assert_eq!((window.memory, window.unspooled), (0, 0));
}

#[test]
fn a_segment_stays_as_long_as_one_event_needs_it() {
    let (mut window, _safe) = a_window(3);
    window.delivered(1); // while the disk writes all of them
    for sequence in [1, 2, 3] {
        window.spooled(sequence, a_place(1));
    }
    assert!(window.take_released().is_empty());
    window.delivered(2);
    window.delivered(3);
    assert_eq!(window.take_released(), [1]);
}

#[test]
fn what_can_never_be_delivered_is_in_nobodys_way_and_not_forgotten() {
    let (mut window, mut safe) = a_window(3);
    window.spooled(2, a_place(1));
    for sequence in [1, 2] {
        window.park(sequence, false);
    }
    assert!(safe[0].try_recv().is_err() && is_safe(&mut safe[1]));
    assert_eq!((window.undelivered(), window.pending(), window.at_risk()), (3, 1, 2));
    assert_eq!(sent(&mut window), [3]);
    window.delivered(3);
    assert_eq!((window.undelivered(), window.pending(), window.at_risk()), (2, 0, 1));
    assert!(window.take_released().is_empty(), "the disk keeps it");
    assert_eq!((window.memory, window.unspooled), (0, 0));
}

#[test]
fn what_is_kept_elsewhere_needs_neither_memory_nor_disk() {
    let (mut window, mut safe) = a_window(2);
    window.spooled(2, a_place(1));
    window.park(1, true);
    window.park(2, true);
    assert!(safe[0].try_recv().is_err(), "it is on no stream");
    assert_eq!((window.undelivered(), window.pending(), window.at_risk()), (0, 0, 0));
    assert_eq!((window.memory, window.unspooled), (0, 0));
    assert_eq!(window.take_released(), [1]);
    assert!(sent(&mut window).is_empty());
}

#[test]
fn what_is_restored_is_read_from_the_disk_and_holes_are_passed_over() {
    let mut window = Window::new(5);
    for sequence in [5, 6, 9] {
        let head = Head { instance: InstanceId::fresh(), sequence, hash: Hash::NONE };
        window.restore(head, "s".to_owned(), a_place(1), Instant::now());
    }
    assert_eq!(window.undelivered(), 3);
    assert_eq!(sent(&mut window), [5, 6, 9]);
    window.delivered(5);
    window.delivered(6);
    assert!(window.take_released().is_empty());
    window.delivered(9);
    assert_eq!((window.undelivered(), window.take_released()), (0, vec![1]));
}

#[test]
fn a_hole_costs_nothing_however_wide_it_is() {
    let instance = InstanceId::fresh();
    let mut window = Window::new(1);
    for sequence in [1, 3, 1 << 40, u64::MAX - 1] {
        let head = Head { instance, sequence, hash: Hash::NONE };
        window.restore(head, "s".to_owned(), a_place(1), Instant::now());
    }
    assert_eq!((window.slots.len(), window.undelivered(), window.pending()), (4, 4, 4));
    assert_eq!(sent(&mut window), [1, 3, 1 << 40, u64::MAX - 1]);
    window.delivered(1 << 40);
    window.delivered(2);
    assert!(window.to_spool(usize::MAX).is_empty());
    assert_eq!(window.oldest_unspooled(Instant::now()), None);
    assert!(!window.send_again(0));
    assert_eq!(sent(&mut window), [1, 3, u64::MAX - 1]);
    for sequence in [1, 3, u64::MAX - 1] {
        window.delivered(sequence);
    }
    assert_eq!((window.undelivered(), window.take_released()), (0, vec![1]));
}

#[test]
fn what_has_an_events_id_is_the_event_only_by_its_hash() {
    let mut chain = Chain::new(InstanceId::fresh());
    let mut window = Window::new(1);
    let mut heads = Vec::new();
    for n in 0..2 {
        let event = chain.seal("gap._.recorded", &format!("\"n\":{n}"), None).unwrap();
        window.push(event, oneshot::channel().0, Instant::now());
        heads.push(chain.head());
    }
    sent(&mut window);
    window.id_is_taken(1);
    window.id_is_taken(2);
    // One is there; in the other's place is something else.
    assert!(window.is(heads[0]) && !window.is(Head { hash: Hash::NONE, ..heads[1] }));
    window.delivered(1);
    assert!(window.has_taken() && window.send_again(7), "it is told");
    assert!(window.is_without_id(2) && sent(&mut window) == [2]);
    assert!(!window.has_taken() && !window.send_again(7), "once");
}

#[test]
fn nobody_waits_for_what_is_excused() {
    let (mut window, mut safe) = a_window(2);
    window.excuse_all();
    assert!(safe.iter_mut().all(is_safe));
    assert_eq!(window.at_risk(), 2);
    assert_eq!(sent(&mut window), [1, 2]);
}

#[test]
fn a_stream_that_takes_an_event_below_its_floor_went_back() {
    let (mut window, _safe) = a_window(3);
    assert!(!window.went_back(1, 3), "it was not sent yet");
    assert!(window.take_next(7).is_some() && window.take_next(8).is_some());
    assert!(!window.went_back(1, 8) && window.went_back(1, 7) && window.went_back(2, 8));
    window.forget_floors();
    assert_eq!(window.floor(), Some(0));
    assert!(!window.went_back(1, 3));
    window.delivered(1);
    window.delivered(2);
    assert_eq!(window.floor(), None, "it was not sent yet");
}
