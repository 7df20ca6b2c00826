use super::*;

const NONE: Duration = Duration::ZERO;

const fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// Of an instance that is well.
fn well() -> Readings {
    Readings {
        serving: true,
        stopping: false,
        connected: true,
        denied: false,
        round_trip: Some(millis(1)),
        any_keys: true,
        promise: Promise::OnTheDisk,
        jetstream: Some(millis(2)),
        jetstream_silent: Some(millis(500)),
        unsafe_for: NONE,
        deadline: millis(1500),
        time_to_decide: Some(millis(5)),
        lag: millis(2),
    }
}

fn reasons(readings: Readings) -> Vec<String> {
    let health = readings.judge();
    assert_eq!(health.ready, health.reasons.is_empty());
    assert_eq!(health.percent == 0, !health.ready, "{health:?}");
    health.reasons
}

/// Percent, and what is slow.
fn share(readings: Readings) -> (u8, Vec<String>) {
    let health = readings.judge();
    assert!(health.ready, "{health:?}");
    (health.percent, health.slow)
}

#[test]
fn what_is_well_has_its_whole_share_and_so_has_what_nothing_is_known_of() {
    assert_eq!(well().judge(), Health::untold());
    let nothing = Readings {
        round_trip: None,
        jetstream: None,
        jetstream_silent: None,
        time_to_decide: None,
        ..well()
    };
    assert_eq!(nothing.judge(), Health::untold());
}

#[test]
fn each_reason_has_its_word() {
    let none: [&str; 0] = [];
    assert_eq!(reasons(well()), none);
    assert_eq!(reasons(Readings { serving: false, ..well() }), ["starting"]);
    assert_eq!(reasons(Readings { stopping: true, ..well() }), ["stopping"]);
    // Stopped before it was ever ready.
    assert_eq!(reasons(Readings { serving: false, stopping: true, ..well() }), ["stopping"]);
    assert_eq!(reasons(Readings { connected: false, ..well() }), ["nats_away"]);
    assert_eq!(reasons(Readings { any_keys: false, ..well() }), ["no_keys"]);
    assert_eq!(reasons(Readings { any_keys: false, serving: false, ..well() }), ["starting"]);
    assert_eq!(reasons(Readings { denied: true, ..well() }), ["not_subscribed"]);
    let waits = Readings { unsafe_for: millis(1501), ..well() };
    assert_eq!(reasons(waits), ["spool_full"]);
    let strict = Readings { promise: Promise::OnTheStream, ..waits };
    assert_eq!(reasons(strict), ["jetstream_silent"]);
    assert_eq!(reasons(Readings { unsafe_for: millis(1500), ..strict }), none);
    assert_eq!(reasons(Readings { promise: Promise::None, ..waits }), none, "logins go on");
    let words: Vec<_> = Reason::ALL.iter().map(|reason| reason.word()).collect();
    assert_eq!(words.len(), 7);
}

#[test]
fn jetstream_away_is_a_reason_only_where_each_event_must_be_there() {
    let silent = |promise, silent| Readings { promise, jetstream_silent: Some(silent), ..well() };
    assert_eq!(reasons(silent(Promise::OnTheStream, SILENCE + millis(1))), ["jetstream_silent"]);
    assert!(reasons(silent(Promise::OnTheStream, SILENCE)).is_empty());
    let hour = silent(Promise::OnTheDisk, millis(3_600_000));
    assert_eq!(share(hour), (50, vec!["jetstream".to_owned()]));
}

#[test]
fn jetstream_away_takes_half_at_most_where_there_is_a_disk() {
    let slow = |promise| Readings { promise, jetstream: Some(millis(3_600_000)), ..well() };
    assert_eq!(share(slow(Promise::OnTheDisk)), (50, vec!["jetstream".to_owned()]));
    assert_eq!(share(slow(Promise::None)).0, 50);
    assert_eq!(share(slow(Promise::OnTheStream)).0, 10);
}

#[test]
fn the_slowest_counts() {
    let both = Readings { round_trip: Some(millis(275)), lag: millis(140), ..well() };
    assert_eq!(share(both), (55, vec!["nats".to_owned(), "event_loop".to_owned()]));
    assert_eq!(share(Readings { time_to_decide: Some(millis(1500)), ..well() }).0, 10);
}

#[test]
fn it_falls_in_a_straight_line_between_its_ends() {
    for input in Input::ALL {
        let Scale { good, bad, floor } = input.scale();
        assert!(good < bad && floor > 0, "{input:?}: what is slow still works");
        assert_eq!((input.score(NONE), input.score(good)), (100, 100));
        assert_eq!((input.score(bad), input.score(bad * 100)), (floor, floor));
        let halfway = input.score((good + bad) / 2);
        assert_eq!(halfway, floor + (100 - floor) / 2, "{input:?}");
        let scores: Vec<_> = (0..2000).map(|it| input.score(millis(it))).collect();
        assert!(scores.is_sorted_by(|a, b| a >= b), "{input:?}");
    }
}

/// The tables that people read are those that the code has.
#[test]
fn the_page_about_health_has_every_reason_and_every_scale() {
    let page = include_str!("../../../docs/health.md");
    for input in Input::ALL {
        let Scale { good, bad, floor } = input.scale();
        let mode = match input {
            Input::JetstreamStrict => ", `strict`",
            Input::JetstreamSpool => ", `spool`",
            _ => "",
        };
        let (good, bad) = (good.as_millis(), bad.as_millis());
        let row = format!("| `{}`{mode} | {good} ms | {bad} ms | {floor}% |", input.word());
        assert!(page.contains(&row), "{row}");
    }
    for reason in Reason::ALL {
        let row = format!("| `{}` | {} |", reason.word(), reason.meaning());
        assert!(page.contains(&row), "{row}");
    }
}
