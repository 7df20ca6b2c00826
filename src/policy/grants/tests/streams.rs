use super::*;

#[test]
fn reading_by_consumers_of_any_name() {
    let grant = grant("stream = \"ORDERS\"\ncan = [\"read\"]");
    same(
        &grant.publish,
        &[
            "$JS.API.STREAM.INFO.ORDERS",
            "$JS.API.CONSUMER.CREATE.ORDERS",
            "$JS.API.CONSUMER.CREATE.ORDERS.*",
            "$JS.API.CONSUMER.CREATE.ORDERS.*.>",
            "$JS.API.CONSUMER.DURABLE.CREATE.ORDERS.*",
            "$JS.API.CONSUMER.INFO.ORDERS.*",
            "$JS.API.CONSUMER.MSG.NEXT.ORDERS.*",
            "$JS.ACK.ORDERS.*.*.*.*.*.*",
            "$JS.ACK.*.*.ORDERS.*.*.*.*.*.>",
            "$JS.FC.ORDERS.*.*",
            "$JS.FC.*.*.ORDERS.*.*",
        ],
    );
    same(&grant.subscribe, &[]);
    assert!(grant.needs_inbox && !grant.responses);
    assert_eq!(grant.resource, Resource::Stream("ORDERS".to_owned()));
    assert!(grant.notes.contains(&notes::ANY_CONSUMER));
    assert!(grant.notes.contains(&notes::DELIVER));
}

#[test]
fn reading_by_consumers_has_no_bound() {
    let told = refused("stream = \"A\"\ncan = [\"read\"]\nsubjects = [\"a.>\"]");
    assert_eq!(told, ["`read` cannot be bounded by `subjects`"]);
    let told = refused("stream = \"A\"\ncan = [\"publish\", \"manage\"]\nsubjects = [\"a.>\"]");
    assert_eq!(told, ["`manage` cannot be bounded by `subjects`"]);
}

#[test]
fn watching_and_getting_are_bounded_by_subjects() {
    let bounded =
        grant("stream = \"ORDERS\"\ncan = [\"watch\", \"get\"]\nsubjects = [\"orders.{t}.>\"]");
    same(
        &bounded.publish,
        &[
            "$JS.API.CONSUMER.CREATE.ORDERS.*.orders.{t}.>",
            "$JS.API.CONSUMER.INFO.ORDERS.*",
            "$JS.FC.ORDERS.*.*",
            "$JS.FC.*.*.ORDERS.*.*",
            "$JS.API.DIRECT.GET.ORDERS.orders.{t}.>",
        ],
    );
    let all = grant("stream = \"ORDERS\"\ncan = [\"get\"]");
    same(
        &all.publish,
        &[
            "$JS.API.DIRECT.GET.ORDERS",
            "$JS.API.DIRECT.GET.ORDERS.>",
            "$JS.API.STREAM.MSG.GET.ORDERS",
        ],
    );
    assert!(all.notes.contains(&notes::DIRECT_GET));
    for can in ["watch", "get"] {
        let told = refused(&format!("stream = \"A\"\ncan = [\"{can}\"]\nsubjects = [\"a.*\"]"));
        assert_eq!(told, ["`a.*` cannot bound what is read"]);
    }
}

#[test]
fn publishing_needs_subjects() {
    let told = refused("stream = \"A\"\ncan = [\"publish\"]");
    assert_eq!(
        told,
        ["publishing to a stream is publishing to its subjects, and the grant names none"]
    );
    let grant = grant("stream = \"A\"\ncan = [\"publish\"]\nsubjects = [\"a.*\", \"b\"]");
    same(&grant.publish, &["a.*", "b"]);
    assert_eq!(grant.subjects, ["a.*", "b"]);
    assert_eq!(grant.notes, [notes::PUBLISH, notes::HEADERS]);
}

#[test]
fn managing_reads_nothing_by_itself() {
    let grant = grant("stream = \"A\"\ncan = [\"manage\"]");
    same(
        &grant.publish,
        &[
            "$JS.API.STREAM.CREATE.A",
            "$JS.API.STREAM.UPDATE.A",
            "$JS.API.STREAM.INFO.A",
            "$JS.API.STREAM.PURGE.A",
            "$JS.API.STREAM.DELETE.A",
            "$JS.API.STREAM.MSG.DELETE.A",
            "$JS.API.CONSUMER.NAMES.A",
            "$JS.API.CONSUMER.LIST.A",
            "$JS.API.CONSUMER.INFO.A.*",
            "$JS.API.CONSUMER.DELETE.A.*",
            "$JS.API.CONSUMER.PAUSE.A.*",
            "$JS.API.CONSUMER.RESET.A.*",
            "$JS.API.CONSUMER.UNPIN.A.*",
        ],
    );
    assert_eq!(grant.notes[0], notes::MANAGE);
}

#[test]
fn one_consumer_that_exists() {
    let pull = grant("stream = \"ORDERS\"\nconsumer = \"billing\"\ncan = [\"read\"]");
    let calls = [
        "$JS.API.CONSUMER.INFO.ORDERS.billing",
        "$JS.API.CONSUMER.MSG.NEXT.ORDERS.billing",
        "$JS.ACK.ORDERS.billing.*.*.*.*.*",
        "$JS.ACK.*.*.ORDERS.billing.*.*.*.*.>",
    ];
    same(&pull.publish, &calls);
    same(&pull.subscribe, &[]);
    assert!(!pull.notes.contains(&notes::DELIVER));

    let push = grant(
        "stream = \"ORDERS\"\nconsumer = \"billing\"\ncan = [\"read\"]\ndeliver = \"push.billing workers\"",
    );
    let flow = ["$JS.FC.ORDERS.billing.*", "$JS.FC.*.*.ORDERS.billing.*"];
    same(&push.publish, &[&calls[..], &flow].concat());
    same(&push.subscribe, &["push.billing workers"]);
    assert_eq!(push.subjects, ["push.billing"]);

    let told = refused(
        "stream = \"A\"\nconsumer = \"b\"\ncan = [\"read\"]\nsubjects = [\"orders.acme.>\"]",
    );
    assert_eq!(told, ["`subjects` cannot bound what is read of a consumer that exists"]);
}

#[test]
fn one_consumer_to_create() {
    let any = grant("stream = \"A\"\nconsumer = \"b\"\ncan = [\"manage\"]");
    let calls = [
        "$JS.API.CONSUMER.INFO.A.b",
        "$JS.API.CONSUMER.DELETE.A.b",
        "$JS.API.CONSUMER.PAUSE.A.b",
        "$JS.API.CONSUMER.RESET.A.b",
        "$JS.API.CONSUMER.UNPIN.A.b",
    ];
    let create = [
        "$JS.API.CONSUMER.CREATE.A.b",
        "$JS.API.CONSUMER.CREATE.A.b.>",
        "$JS.API.CONSUMER.DURABLE.CREATE.A.b",
    ];
    same(&any.publish, &[&calls[..], &create].concat());
    assert!(any.notes.contains(&notes::ANY_FILTER) && any.notes.contains(&notes::DELIVER));

    let bounded =
        grant("stream = \"A\"\nconsumer = \"b\"\ncan = [\"manage\"]\nsubjects = [\"a.{t}.>\"]");
    same(&bounded.publish, &[&calls[..], &["$JS.API.CONSUMER.CREATE.A.b.a.{t}.>"]].concat());
    assert!(bounded.notes.contains(&notes::FOREIGN_FILTER));
    assert!(!bounded.notes.contains(&notes::ANY_FILTER));
}

#[test]
fn finding_a_stream_by_a_subject_is_asked_for() {
    let found = grant("stream = \"A\"\ncan = [\"read\"]\nlookup = true");
    assert!(found.publish.contains(&"$JS.API.STREAM.NAMES".to_owned()));
    assert!(found.notes.contains(&notes::LOOKUP));
    let not = grant("stream = \"A\"\ncan = [\"read\"]\nlookup = false");
    assert!(!not.publish.iter().any(|subject| subject.contains("NAMES")));
}
