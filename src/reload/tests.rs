//! On the tests' own clock, in directories of which the operating system sends no events.

use serde_json::Value;

use super::*;
use crate::{
    audit::{Event, Receipt},
    names::InstanceId,
    policy::InForce,
    testkit::{self, maps as a_directory},
};

const GOOD: &str = "account = \"APP\"\n[roles.a]\nsubscribe = [\"a\"]\n";
const OTHER: &str = "account = \"APP\"\n[roles.b]\nsubscribe = [\"b\"]\n";
const BAD: &str = "account = \"APP\"\n[roles.b]\nsubscribe = [\"b..\"]\n";

#[derive(Default)]
struct Kept(Mutex<Vec<(String, Value)>>);

impl Recorder for Kept {
    fn record(&self, event: Event, _: Class) -> Receipt {
        let told = event.json();
        self.0.lock().unwrap().push((event.topic().to_owned(), told));
        Receipt::never()
    }
}

/// A reloader at work, for as long as this lives.
struct Running {
    directory: testkit::Maps,
    maps: Arc<Maps>,
    kept: Arc<Kept>,
    asked: Arc<Notify>,
    stop: CancellationToken,
    task: JoinHandle<()>,
    watch: Arc<Mutex<Watch>>,
    begin: Instant,
}

impl Running {
    async fn start() -> Self {
        let directory = a_directory(&[("a.toml", GOOD)]);
        let maps = Arc::new(Maps::new(Arc::new(InForce::new(directory.policy()))));
        let boundaries = Boundaries {
            accounts: Some(["APP".parse().unwrap()].into()),
            issuers: Some(["corp".parse().unwrap()].into()),
            bounds: Some(Vec::new()),
            edge: false,
        };
        let kept = Arc::new(Kept::default());
        let (path, recorder) = (directory.path().to_owned(), Arc::clone(&kept));
        let reloader =
            Reloader::new(Arc::clone(&maps), path, boundaries, recorder, InstanceId::fresh());
        reloader.watch.lock().unwrap().blind = true;
        let watch = Arc::clone(&reloader.watch);
        let (asked, stop) = (Arc::new(Notify::new()), CancellationToken::new());
        let task = tokio::spawn(reloader.run(Arc::clone(&asked), stop.clone()));
        Self { directory, maps, kept, asked, stop, task, watch, begin: Instant::now() }
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        std::fs::write(self.directory.path().join(name), content).unwrap();
    }

    fn digest(&self) -> String {
        self.maps.in_force().snapshot().digest().to_owned()
    }

    /// The subjects' last words.
    fn events(&self) -> Vec<String> {
        let last = |subject: &String| subject.rsplit('.').next().unwrap().to_owned();
        self.kept.0.lock().unwrap().iter().map(|(subject, _)| last(subject)).collect()
    }

    /// Waits until so many reloads have ended in any way.
    async fn reloads(&self, count: u64) -> MapsStatus {
        let end = Instant::now() + 2 * POLL;
        loop {
            let status = self.maps.status();
            if status.applied + status.rejected >= count {
                return status;
            }
            assert!(Instant::now() < end, "in vain: {count} reloads; {status:?}");
            sleep(Duration::from_millis(10)).await;
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn seconds(span: Duration) -> f64 {
    span.as_secs_f64()
}

#[tokio::test(start_paused = true)]
async fn a_change_has_ended_once_it_is_quiet_and_a_constant_writer_starves_nobody() {
    for (writes, expected) in [(1, 0.2), (5, 0.6), (1000, 2.0)] {
        let changes = Arc::new(Notify::new());
        let begin = Instant::now();
        let writer = tokio::spawn({
            let changes = Arc::clone(&changes);
            async move {
                for _ in 0..writes {
                    changes.notify_one();
                    sleep(Duration::from_millis(100)).await;
                }
            }
        });
        change(&changes).await;
        let took = seconds(begin.elapsed());
        assert!((took - expected).abs() < 0.05, "{writes} writes: {took} s");
        writer.abort();
    }
}

#[tokio::test(start_paused = true)]
async fn without_any_event_a_change_is_in_force_within_half_a_minute() {
    let running = Running::start().await;
    let before = running.digest();
    running.write("a.toml", OTHER);
    let status = running.reloads(1).await;
    let took = seconds(running.begin.elapsed());
    assert!((30.0..31.0).contains(&took), "{took}");
    assert_ne!(running.digest(), before);
    assert_eq!((status.applied, status.roles), (1, 1));
    assert_eq!(running.events(), ["changed"]);
    sleep(Duration::from_secs(300)).await;
    assert_eq!(running.events(), ["changed"], "one change is one reload");
    let status = running.maps.status();
    assert!(status.in_force_s >= 300, "{status:?}");
    running.stop.cancel();
    sleep(Duration::from_millis(1)).await;
    assert!(running.task.is_finished());
}

#[tokio::test(start_paused = true)]
async fn what_is_invalid_is_said_once_and_each_other_thing_that_is_invalid_too() {
    let running = Running::start().await;
    let before = running.digest();
    running.write("a.toml", BAD);
    let status = running.reloads(1).await;
    assert_eq!((status.state, status.problem_count), (MapsState::Rejected, 1));
    assert!(status.problems[0].at.ends_with("a.toml:3"), "{status:?}");
    sleep(Duration::from_secs(200)).await;
    assert_eq!(running.events(), ["rejected"]);
    // A file that cannot be read is in no digest.
    running.write("a.toml", GOOD);
    running.write("b.toml", [0xff]);
    let status = running.reloads(2).await;
    assert_eq!((status.state, status.rejected), (MapsState::Rejected, 2));
    let path = running.directory.path();
    std::fs::rename(path.join("b.toml"), path.join("c.toml")).unwrap();
    assert_eq!(running.reloads(3).await.rejected, 3);
    assert_eq!(running.events(), ["rejected"; 3]);
    std::fs::remove_dir_all(path).unwrap();
    assert_eq!(running.reloads(4).await.rejected, 4);
    assert_eq!(running.kept.0.lock().unwrap()[3].1["data"]["new"], Value::Null);
    assert_eq!(running.digest(), before);
    assert_eq!(running.maps.status().last_reload.unwrap().outcome, ReloadOutcome::Rejected);
    // As it was: nothing changed, and it is well again.
    std::fs::create_dir(path).unwrap();
    running.write("a.toml", GOOD);
    sleep(Duration::from_secs(40)).await;
    let status = running.maps.status();
    assert_eq!((status.state, status.applied), (MapsState::Current, 0));
    assert_eq!(status.last_reload.unwrap().outcome, ReloadOutcome::Reverted);
    assert_eq!(running.events().len(), 4);
}

#[tokio::test(start_paused = true)]
async fn what_is_read_while_somebody_writes_is_read_again() {
    let running = Running::start().await;
    running.write("a.toml", BAD);
    running.asked.notify_one();
    // Within the time that a change needs to be quiet.
    sleep(Duration::from_millis(100)).await;
    running.write("a.toml", OTHER);
    let status = running.reloads(1).await;
    assert!(seconds(running.begin.elapsed()) < 1.0, "it was asked for");
    assert_eq!((status.applied, status.rejected), (1, 0));
    assert_eq!(running.events(), ["changed"]);
}

#[tokio::test(start_paused = true)]
async fn a_directory_without_any_map_locks_nobody_out() {
    let running = Running::start().await;
    let before = running.digest();
    std::fs::remove_file(running.directory.path().join("a.toml")).unwrap();
    let status = running.reloads(1).await;
    assert_eq!((status.state, status.rejected), (MapsState::Rejected, 1));
    assert!(status.problems[0].message.contains("all subject maps are gone"));
    assert_eq!(running.digest(), before);
    // A map without a role is one: somebody means it.
    running.write("a.toml", "account = \"APP\"\n");
    assert_eq!(running.reloads(2).await.state, MapsState::Current);
    assert_ne!(running.digest(), before);
}

/// A file system may not answer, and a reading cannot be ended.
#[tokio::test(start_paused = true)]
async fn a_reading_that_takes_too_long_is_said_once_and_waited_for() {
    let running = Running::start().await;
    let before = running.digest();
    running.write("a.toml", OTHER);
    // Each reading begins with what somebody else holds.
    let (let_go, held) = std::sync::mpsc::channel::<()>();
    let (holding, holds) = std::sync::mpsc::channel();
    let watch = Arc::clone(&running.watch);
    let holder = std::thread::spawn(move || {
        let _watch = watch.lock().unwrap();
        holding.send(()).unwrap();
        let _ = held.recv();
    });
    holds.recv().unwrap();
    // The clock stands still while something blocks, unless it is moved.
    for _ in 0..2000 {
        tokio::time::advance(Duration::from_millis(100)).await;
        tokio::task::yield_now().await;
    }
    let status = running.maps.status();
    assert_eq!((status.state, status.rejected), (MapsState::Rejected, 1), "{status:?}");
    assert_eq!(status.problems[0].message, "the subject maps are not read after 30 seconds");
    assert_eq!((running.events(), running.digest()), (vec!["rejected".to_owned()], before.clone()));
    drop(let_go);
    holder.join().unwrap();
    assert_eq!(running.reloads(2).await.state, MapsState::Current);
    assert_ne!(running.digest(), before);
    assert_eq!(running.events(), ["rejected", "changed"]);
}
