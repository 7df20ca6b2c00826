//! What is not as it should be.

use std::time::Duration;

use async_nats::jetstream::stream::{Config, PersistenceMode};

/// How large an event may be, in bytes. What is in it and has a bound of its own stays below half
/// of this; the rest is for permissions.
const LARGEST: usize = 512 * 1024;

/// In which respects that matter a stream is not as it should be, in words.
pub(super) fn differences(wanted: &Config, found: &Config) -> Vec<String> {
    let mut told = Vec::new();
    let mut compare = |what: &str, wanted: String, found: String| {
        if wanted != found {
            told.push(format!("{what} is {found}, not {wanted}"));
        }
    };
    let age = |span: Duration| match span {
        Duration::ZERO => "unlimited".to_owned(),
        span => crate::document::as_written(span),
    };
    compare("`subjects`", format!("{:?}", wanted.subjects), format!("{:?}", found.subjects));
    compare("`num_replicas`", wanted.num_replicas.to_string(), found.num_replicas.to_string());
    compare("`retention`", format!("{:?}", wanted.retention), format!("{:?}", found.retention));
    compare("`discard`", format!("{:?}", wanted.discard), format!("{:?}", found.discard));
    compare("`storage`", format!("{:?}", wanted.storage), format!("{:?}", found.storage));
    compare("`max_age`", age(wanted.max_age), age(found.max_age));
    compare("`duplicate_window`", age(wanted.duplicate_window), age(found.duplicate_window));
    compare("`deny_delete`", wanted.deny_delete.to_string(), found.deny_delete.to_string());
    compare("`deny_purge`", wanted.deny_purge.to_string(), found.deny_purge.to_string());
    compare("`allow_direct`", wanted.allow_direct.to_string(), found.allow_direct.to_string());
    compare("`no_ack`", wanted.no_ack.to_string(), found.no_ack.to_string());
    for (is_so, what) in [
        (
            found.subject_transform.is_some(),
            "`subject_transform` is set: events are on other subjects than they are looked up by",
        ),
        (found.mirror.is_some(), "`mirror` is set: it takes no events but another stream's"),
        (
            found.sources.as_ref().is_some_and(|sources| !sources.is_empty()),
            "`sources` is set: what is on it can come from other streams",
        ),
        (
            found.persist_mode == Some(PersistenceMode::Async),
            "`persist_mode` is async: events are acknowledged before the disk has them",
        ),
    ] {
        if is_so {
            told.push(what.to_owned());
        }
    }
    for (what, limit) in [
        ("`max_bytes`", found.max_bytes),
        ("`max_msgs`", found.max_messages),
        ("`max_msgs_per_subject`", found.max_messages_per_subject),
    ] {
        // 0 and -1 are both how a stream without the limit looks.
        if limit > 0 {
            told.push(format!("{what} is {limit}, not unlimited: events are removed or refused"));
        }
    }
    let size = usize::try_from(found.max_message_size).unwrap_or_default();
    if (1..LARGEST).contains(&size) {
        told.push(format!(
            "`max_msg_size` is {size}, and an event may have up to {LARGEST} bytes: larger ones are \
             refused for good"
        ));
    }
    told
}

/// What the server's bound means, where it is lower than what an event may have.
pub(super) fn too_small(max_payload: usize) -> Option<String> {
    (max_payload < LARGEST).then(|| {
        format!(
            "the server's `max_payload` is {max_payload}, and an audit event may have up to \
             {LARGEST} bytes: a login with a larger event is refused"
        )
    })
}

#[cfg(test)]
mod tests {
    use async_nats::jetstream::stream::{
        DiscardPolicy, RetentionPolicy, Source, StorageType, SubjectTransform,
    };

    use super::*;

    fn wanted() -> Config {
        Config {
            name: "S".to_owned(),
            subjects: vec!["hallpass.audit.>".to_owned()],
            max_age: Duration::from_secs(365 * 24 * 3600),
            num_replicas: 3,
            duplicate_window: Duration::from_secs(120),
            deny_delete: true,
            deny_purge: true,
            allow_direct: true,
            ..Config::default()
        }
    }

    fn a_transform() -> SubjectTransform {
        SubjectTransform { source: ">".to_owned(), destination: "x.>".to_owned() }
    }

    #[test]
    fn every_difference_that_matters_is_told_and_no_other() {
        assert!(differences(&wanted(), &wanted()).is_empty());
        let other = Config { description: Some("mine".to_owned()), ..wanted() };
        assert!(differences(&wanted(), &other).is_empty());
        let persist_mode = Some(PersistenceMode::Default);
        let as_good = Config { sources: Some(Vec::new()), persist_mode, ..wanted() };
        assert!(differences(&wanted(), &as_good).is_empty());
        type Change = fn(&mut Config);
        let changes: [(Change, &str); 18] = [
            (|it| it.subjects = vec!["x".to_owned()], "`subjects` is [\"x\"], not"),
            (|it| it.num_replicas = 1, "`num_replicas` is 1, not 3"),
            (|it| it.retention = RetentionPolicy::WorkQueue, "`retention` is WorkQueue, not"),
            (|it| it.discard = DiscardPolicy::New, "`discard` is New, not Old"),
            (|it| it.storage = StorageType::Memory, "`storage` is Memory, not File"),
            (|it| it.max_age = Duration::ZERO, "`max_age` is unlimited, not 365d"),
            (|it| it.duplicate_window = Duration::from_secs(1), "`duplicate_window` is 1s, not"),
            (|it| it.deny_delete = false, "`deny_delete` is false, not true"),
            (|it| it.deny_purge = false, "`deny_purge` is false, not true"),
            (|it| it.allow_direct = false, "`allow_direct` is false, not true"),
            (|it| it.no_ack = true, "`no_ack` is true, not false"),
            (|it| it.subject_transform = Some(a_transform()), "`subject_transform` is set: "),
            (|it| it.mirror = Some(Source::default()), "`mirror` is set: "),
            (|it| it.sources = Some(vec![Source::default()]), "`sources` is set: "),
            (|it| it.persist_mode = Some(PersistenceMode::Async), "`persist_mode` is async: "),
            (|it| it.max_bytes = 7, "`max_bytes` is 7, not unlimited"),
            (|it| it.max_messages = 7, "`max_msgs` is 7, not unlimited"),
            (|it| it.max_message_size = 7, "`max_msg_size` is 7, and an event may have up to"),
        ];
        for (change, says) in changes {
            let mut found = wanted();
            change(&mut found);
            let told = differences(&wanted(), &found);
            assert_eq!(told.len(), 1, "{told:?}");
            assert!(told[0].starts_with(says), "{told:?}");
        }
    }

    #[test]
    fn a_bound_that_no_event_meets_is_none() {
        let large = Config { max_message_size: 1024 * 1024, ..wanted() };
        assert!(differences(&wanted(), &large).is_empty());
        assert!(too_small(1024 * 1024).is_none());
        let told = too_small(32 * 1024).unwrap();
        assert!(told.starts_with("the server's `max_payload` is 32768, and"), "{told}");
    }
}
