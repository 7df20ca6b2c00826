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
