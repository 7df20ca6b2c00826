use jiff::Timestamp;

use super::*;
use crate::{audit::chain::Chain, names::InstanceId};

/// How many events wait while the disk is busy.
const WAITING: usize = 100;

#[test]
fn what_waits_while_the_disk_is_busy_is_written_at_once() {
    let root = tempfile::tempdir().unwrap();
    let instance = InstanceId::fresh();
    let mut chain = Chain::new(instance);
    let mut spool = Spool::open(root.path(), instance, 1 << 20).unwrap();
    let shared = Shared::new(Window::new(1));
    let mut push = |count: usize| {
        let seal = |n| chain.seal("gap._.recorded", &format!("\"n\":{n}"), None).unwrap();
        (0..count).map(seal).map(|event| shared.push(event)).collect::<Vec<_>>()
    };
    let mut receipts = push(1);
    let mut written = Vec::new();
    while written.iter().sum::<usize>() < 1 + WAITING {
        let next = shared.next_batch().unwrap();
        // The disk takes its time.
        if receipts.len() == 1 {
            receipts.extend(push(WAITING));
        }
        let places = spool.append(&next.batch, next.floor).unwrap();
        for (event, place) in next.batch.iter().zip(places) {
            shared.lock().window.spooled(event.sequence, place);
        }
        written.push(next.batch.len());
    }
    assert_eq!(written, [1, WAITING], "one write, and one `fsync`, for all of them");
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    for receipt in receipts {
        assert!(runtime.block_on(receipt.is_safe()));
    }
}

/// The spooler itself, by what the system counts of its thread.
#[test]
#[cfg(target_os = "linux")]
fn the_spooler_writes_once_for_all_that_waits() {
    let writes = || {
        let told = std::fs::read_to_string("/proc/thread-self/io").unwrap();
        let count = told.lines().find_map(|line| line.strip_prefix("syscw: ")).unwrap();
        count.parse::<usize>().unwrap()
    };
    let root = tempfile::tempdir().unwrap();
    let instance = InstanceId::fresh();
    let mut chain = Chain::new(instance);
    let spool = Spool::open(root.path(), instance, 1 << 20).unwrap();
    let shared = Shared::new(Window::new(1));
    for n in 0..WAITING {
        drop(shared.push(chain.seal("gap._.recorded", &format!("\"n\":{n}"), None).unwrap()));
    }
    shared.close();
    let writer = Arc::clone(&shared);
    let written = std::thread::spawn(move || {
        let before = writes();
        writer.spool(spool, false);
        writes() - before
    });
    let written = written.join().unwrap();
    assert_eq!(shared.lock().window.spooled_events(), WAITING);
    assert!((1..10).contains(&written), "{written} writes, of which some are a new segment's");
}

/// So many events, of which none was sent.
fn a_window(count: usize) -> Arc<Shared> {
    let shared = Shared::new(Window::new(1));
    let mut chain = Chain::new(InstanceId::fresh());
    for n in 0..count {
        let event = chain.seal("gap._.recorded", &format!("\"n\":{n}"), None).unwrap();
        drop(shared.push(event));
    }
    shared
}

fn a_stream(made: i64, last: u64) -> State {
    State { made: Timestamp::from_second(made).unwrap(), last }
}

#[test]
fn what_is_sent_stands_after_what_was_acknowledged_before() {
    let shared = a_window(4);
    assert_eq!(shared.floor_of_sent(), None);
    shared.looked_up(a_stream(1, 50));
    shared.take_next().unwrap();
    shared.take_next().unwrap();
    shared.delivered(1, 60);
    shared.delivered(2, 55);
    shared.take_next().unwrap();
    let floor = shared.floor_of_sent().unwrap();
    assert_eq!(floor.on(a_stream(1, 99)), 60);
    assert_eq!((floor.on(a_stream(1, 59)), floor.on(a_stream(2, 99))), (0, 0));
    // It was asked for, and was not found.
    shared.looked_up(a_stream(2, 99));
    assert_eq!(shared.floor_of_sent().unwrap().on(a_stream(2, 99)), 99);
}

#[test]
fn nothing_is_known_any_more_where_the_stream_went_back() {
    let shared = a_window(4);
    shared.looked_up(a_stream(1, 50));
    shared.take_next().unwrap();
    shared.take_next().unwrap();
    shared.delivered(2, 7);
    assert_eq!(shared.floor_of_sent().unwrap().on(a_stream(1, 99)), 0);
    // What is sent from now on stands after what it said then.
    shared.delivered(1, 8);
    shared.take_next().unwrap();
    assert_eq!(shared.floor_of_sent().unwrap().on(a_stream(1, 99)), 8);
}
