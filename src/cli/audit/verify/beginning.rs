//! What a stream's own numbers say of what came before its first event.

use std::{collections::BTreeMap, time::Duration};

use async_nats::jetstream::stream::Info;
use jiff::Timestamp;

use crate::audit::verify::Beginning;

/// How much a stream that is full may have room for: an event, and more.
const ROOM: u64 = 64 * 1024;
/// How many subjects are counted.
const SUBJECTS: usize = 100_000;
/// How long nothing may have happened after what was removed by age, or a tenth of that age where
/// it is more: nobody logs in on holidays.
const QUIET: Duration = Duration::from_secs(3 * 24 * 3600);

/// How many events there are of each subject, where the stream has a limit for that.
#[derive(Debug, Default)]
pub(super) struct Subjects(BTreeMap<String, i64>);

impl Subjects {
    pub(super) fn count(&mut self, info: &Info, subject: &str) {
        if info.config.max_messages_per_subject <= 0 {
            return;
        }
        if let Some(count) = self.0.get_mut(subject) {
            *count += 1;
        } else if self.0.len() < SUBJECTS {
            self.0.insert(subject.to_owned(), 1);
        }
    }

    fn most(&self) -> i64 {
        self.0.values().copied().max().unwrap_or(0)
    }
}

/// What the stream says of what came before its first event, which it stored at `since`. Only a
/// limit that the stream is at explains that something is not there.
pub(super) fn beginning(
    info: &Info,
    subjects: &Subjects,
    since: Option<Timestamp>,
    now: Timestamp,
) -> Beginning {
    let state = &info.state;
    // Where nothing is left, everything was removed.
    let count = match since {
        Some(_) => state.first_sequence.saturating_sub(1),
        None => state.last_sequence,
    };
    if count == 0 {
        return Beginning::First;
    }
    if is_full(info, subjects) {
        return Beginning::Retained { since: since.unwrap_or(now) };
    }
    let Some(kept) = kept_since(info, now) else { return Beginning::Purged { count } };
    let max_age = info.config.max_age;
    let quiet = QUIET.max(max_age / 10).min(max_age / 2);
    match since {
        Some(since) if since > kept.checked_add(quiet).unwrap_or(Timestamp::MAX) => {
            Beginning::Purged { count }
        }
        // Whatever began after that time is there.
        Some(since) => Beginning::Retained { since: since.min(kept) },
        None => Beginning::Retained { since: now },
    }
}

/// What was stored after this is not removed by its age; `None` where nothing is.
fn kept_since(info: &Info, now: Timestamp) -> Option<Timestamp> {
    let max_age = info.config.max_age;
    let created = Timestamp::from_nanosecond(info.created.unix_timestamp_nanos()).ok()?;
    let kept = now.checked_sub(jiff::SignedDuration::try_from(max_age).ok()?).ok()?;
    (!max_age.is_zero() && created <= kept).then_some(kept)
}

/// Whether the stream has as much as it may have.
fn is_full(info: &Info, subjects: &Subjects) -> bool {
    let (state, config) = (&info.state, &info.config);
    let limit = |limit: i64| u64::try_from(limit).ok().filter(|limit| *limit > 0);
    let of_bytes = limit(config.max_bytes).is_some_and(|most| {
        let room = ROOM.max(most / 10);
        state.bytes >= most.saturating_sub(room)
    });
    let of_messages = limit(config.max_messages).is_some_and(|most| state.messages >= most);
    let each = config.max_messages_per_subject;
    of_bytes || of_messages || each > 0 && subjects.most() >= each
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const DAY: u64 = 24 * 3600;

    fn day(day: i8) -> Timestamp {
        jiff::civil::date(2026, 11, day).to_zoned(jiff::tz::TimeZone::UTC).unwrap().timestamp()
    }

    /// A stream that was made on the first of November and keeps events for so many days.
    fn a_stream(first: u64, last: u64, days: u64, more: &[(&str, Value)]) -> Info {
        let at = "2026-11-01T00:00:00Z";
        let mut info = json!({
            "config": {
                "name": "S", "subjects": ["a.>"], "retention": "limits", "max_consumers": -1,
                "max_msgs": -1, "max_msgs_per_subject": -1, "max_bytes": -1, "discard": "old",
                "max_age": days * DAY * 1_000_000_000, "storage": "file", "num_replicas": 1,
            },
            "created": at,
            "state": {
                "messages": last + 1 - first, "bytes": 900_000, "first_seq": first,
                "first_ts": at, "last_seq": last, "last_ts": at, "consumer_count": 0,
            },
        });
        for (name, value) in more {
            info["config"][name] = value.clone();
        }
        serde_json::from_value(info).unwrap()
    }

    fn of(info: &Info, since: Option<Timestamp>) -> Beginning {
        let mut subjects = Subjects::default();
        for _ in 0..3 {
            subjects.count(info, "a.b");
        }
        beginning(info, &subjects, since, day(20))
    }

    #[test]
    fn age_explains_only_that_what_is_old_is_not_there() {
        let (retained, purged) =
            (|since| Beginning::Retained { since }, |count| Beginning::Purged { count });
        let seven = a_stream(4, 9, 7, &[]);
        assert_eq!(of(&a_stream(1, 9, 7, &[]), Some(day(15))), Beginning::First);
        // What is not removed yet is older; what is left of quiet days is younger.
        assert_eq!(of(&seven, Some(day(12))), retained(day(12)));
        assert_eq!(of(&seven, Some(day(13))), retained(day(13)));
        assert_eq!(of(&seven, Some(day(15))), retained(day(13)));
        assert_eq!(of(&seven, Some(day(17))), purged(3));
        assert_eq!(of(&a_stream(4, 9, 2, &[]), Some(day(20))), purged(3));
        // The stream is not that old, or keeps everything.
        assert_eq!(of(&a_stream(4, 9, 365, &[]), Some(day(1))), purged(3));
        assert_eq!(of(&a_stream(4, 9, 0, &[]), Some(day(1))), purged(3));
        assert_eq!(of(&a_stream(1, 0, 7, &[]), None), Beginning::First);
        assert_eq!(of(&a_stream(10, 9, 7, &[]), None), retained(day(20)));
        assert_eq!(of(&a_stream(10, 9, 365, &[]), None), purged(9));
    }

    #[test]
    fn a_limit_explains_what_is_not_there_where_the_stream_is_at_it() {
        let limited = |name, limit: i64| a_stream(4, 9, 365, &[(name, json!(limit))]);
        let since = Some(day(15));
        for (name, full, free) in
            [("max_bytes", 990_000, 1_100_000), ("max_msgs", 6, 7), ("max_msgs_per_subject", 3, 4)]
        {
            let retained = Beginning::Retained { since: day(15) };
            assert_eq!(of(&limited(name, full), since), retained, "{name}");
            assert_eq!(of(&limited(name, free), since), Beginning::Purged { count: 3 }, "{name}");
        }
    }
}
