use serde_json::json;

use super::*;

const DAY: u64 = 24 * 3600;

/// A stream that was made on the first of November, and keeps events for so many days.
fn a_stream(first: u64, last: u64, days: u64, max_bytes: i64) -> Info {
    let at = "2026-11-01T00:00:00Z";
    let info = json!({
        "config": {
            "name": "S", "subjects": ["a.>"], "retention": "limits", "max_consumers": -1,
            "max_msgs": -1, "max_msgs_per_subject": -1, "max_bytes": max_bytes, "discard": "old",
            "max_age": days * DAY * 1_000_000_000, "storage": "file", "num_replicas": 1,
        },
        "created": at,
        "state": {
            "messages": last + 1 - first, "bytes": 0, "first_seq": first, "first_ts": at,
            "last_seq": last, "last_ts": at, "consumer_count": 0,
        },
    });
    serde_json::from_value(info).unwrap()
}

#[test]
fn only_a_limit_of_the_stream_explains_what_is_not_there() {
    let day = |day: i8| {
        jiff::civil::date(2026, 11, day).to_zoned(jiff::tz::TimeZone::UTC).unwrap().timestamp()
    };
    let (since, now) = (day(15), day(20));
    let of = |info: &Info| beginning(info, Some(since), now);
    assert_eq!(of(&a_stream(1, 9, 7, -1)), Beginning::First);
    assert_eq!(of(&a_stream(4, 9, 7, -1)), Beginning::Retained { since });
    assert_eq!(of(&a_stream(4, 9, 365, 1_000_000)), Beginning::Retained { since });
    assert_eq!(of(&a_stream(4, 9, 365, -1)), Beginning::Purged { count: 3 });
    assert_eq!(of(&a_stream(4, 9, 0, -1)), Beginning::Purged { count: 3 });
    let empty = |info: &Info| beginning(info, None, now);
    assert_eq!(empty(&a_stream(1, 0, 7, -1)), Beginning::First);
    assert_eq!(empty(&a_stream(10, 9, 7, -1)), Beginning::Retained { since: now });
    assert_eq!(empty(&a_stream(10, 9, 365, -1)), Beginning::Purged { count: 9 });
}

#[test]
fn whom_to_believe_is_named_by_a_public_key_of_a_user() {
    assert!(signer(&KeyPair::new_user().public_key()).is_ok());
    let user = KeyPair::new_user();
    for wrong in [KeyPair::new_account().public_key(), user.seed().unwrap(), "U".to_owned()] {
        assert!(signer(&wrong).is_err());
    }
}
