use super::*;
use crate::testkit::maps;

fn of(subject: &str, denied: &[&str]) -> Vec<&'static str> {
    let denied: Vec<SubjectPattern> = denied.iter().map(|text| text.parse().unwrap()).collect();
    of_subject(&subject.parse().unwrap(), &denied.iter().collect::<Vec<_>>())
}

#[test]
fn each_call_has_its_notes_however_it_is_written() {
    let consumer = [texts::DELIVER, texts::REPLIES];
    for subject in [
        "$JS.API.CONSUMER.CREATE.ORDERS",
        "$JS.API.CONSUMER.CREATE.ORDERS.>",
        "$JS.API.CONSUMER.CREATE.ORDERS.w.orders.new",
        "$JS.API.CONSUMER.DURABLE.CREATE.ORDERS.w",
        "$JS.hub.API.CONSUMER.CREATE.>",
        "$JS.hub.API.CONSUMER.>",
        "$JS.API.CONSUMER.*.ORDERS",
    ] {
        assert_eq!(of(subject, &[]), consumer, "{subject}");
    }
    let direct = [texts::DIRECT_GET, texts::REPLIES];
    assert_eq!(of("$JS.API.DIRECT.GET.ORDERS", &[]), direct);
    assert_eq!(of("$JS.hub.API.DIRECT.GET.ORDERS.orders.new", &[]), direct);
    let manage = [texts::MANAGE, texts::REPLIES];
    for call in ["CREATE", "UPDATE", "RESTORE"] {
        assert_eq!(of(&format!("$JS.API.STREAM.{call}.ORDERS"), &[]), manage);
    }
    assert_eq!(of("$JS.API.STREAM.INFO.ORDERS", &[]), [texts::INFO, texts::REPLIES]);
    assert_eq!(of("$JS.API.STREAM.NAMES", &[]), [texts::LOOKUP, texts::REPLIES]);
    assert_eq!(of("$JS.API.CONSUMER.MSG.NEXT.ORDERS.w", &[]), [texts::REPLIES]);
    assert_eq!(of("$JS.ACK.ORDERS.w.>", &[]), [texts::CONSUMES, texts::REPLIES]);
    assert_eq!(of("$KV.prefs.alice", &[]), [texts::KEY_DELETE, texts::HEADERS]);
    for subject in ["orders.>", "$JS.FC.ORDERS.w.*", "$SRV.PING", "JS.API.DIRECT.GET.X"] {
        assert_eq!(of(subject, &[]), Vec::<&str>::new(), "{subject}");
    }
}

#[test]
fn everything_has_them_all_and_no_note_twice() {
    let all = of(">", &[]);
    let api = of("$JS.API.>", &[]);
    assert_eq!(all.len(), 9, "{all:?}");
    assert_eq!(api, all[..6]);
    assert_eq!(of("$JS.hub.API.>", &[]), api);
    assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), all.len());
}

#[test]
fn what_is_denied_is_not_told() {
    assert_eq!(of(">", &["$JS.>", "$KV.>"]), Vec::<&str>::new());
    assert_eq!(of("$JS.API.>", &["$JS.API.>", "$JS.*.API.>"]), Vec::<&str>::new());
    let direct = |denied: &[&str]| of("$JS.API.>", denied).contains(&texts::DIRECT_GET);
    assert!(!direct(&["$JS.API.DIRECT.>", "$JS.API.API.>"]));
    assert!(direct(&["$JS.API.DIRECT.GET.ORDERS"]), "of other streams it is still possible");
    let one = |denied| of("$JS.API.DIRECT.*.ORDERS", denied);
    assert_eq!(one(&["$JS.*.*.GET.ORDERS"]), [texts::REPLIES], "what is common is denied");
    assert_eq!(one(&["$JS.x.*.GET.ORDERS"]), [texts::DIRECT_GET, texts::REPLIES]);
}

#[test]
fn what_two_patterns_have_in_common() {
    for (one, other, both) in [
        ("a.*.c", "*.b.*", Some("a.b.c")),
        ("a.>", "a.b.*", Some("a.b.*")),
        (">", "a.>", Some("a.>")),
        ("a.*.>", "a.>", Some("a.*.>")),
        ("a.*", "a.b.>", None),
        ("a", "b", None),
        ("a.>", "a", None),
    ] {
        let (one, other): (SubjectPattern, SubjectPattern) =
            (one.parse().unwrap(), other.parse().unwrap());
        for found in [common(&one, &other), common(&other, &one)] {
            assert_eq!(found.as_ref().map(SubjectPattern::as_str), both, "{one} {other}");
        }
    }
}

/// The words of a grant and those of a subject are one note, with both places.
#[test]
fn grants_and_subjects_are_told_together() {
    let maps = maps(&[(
        "a.toml",
        "account = \"APP\"\n[roles.r]\ninbox = \"_INBOX.{subject}\"\npublish = [\n\
         \"$JS.API.DIRECT.GET.ORDERS\",\n\"orders.new\"]\n\
         [[roles.r.grant]]\nkv = \"prefs\"\ncan = [\"read\"]\n",
    )]);
    let policy = maps.policy();
    let role = policy.by_name().values().next().unwrap();
    let subject = |text: &str| text.parse::<SubjectPattern>().unwrap().into();
    let by = |rule: &Arc<Rule>| {
        BTreeSet::from([crate::policy::RuleRef::new(&role.written.name, &rule.at)])
    };
    let publish = &role.whole.lists.publish;
    let allow = publish.iter().map(|rule| (subject(rule.template.as_str()), by(rule))).collect();
    let side = Side::of(allow, crate::policy::Permissions::new());
    let told = of_entitlement(publish.iter(), &side);
    let (grant, written) = (&publish[2].at, &publish[0].at);
    let both = format!("bucket `prefs` ({grant}), `$JS.API.DIRECT.GET.ORDERS` ({written}): ");
    assert!(told.contains(&format!("{both}{}", texts::DIRECT_GET)), "{told:#?}");
    assert!(told.contains(&format!("{both}{}", texts::REPLIES)), "{told:#?}");
    assert!(told.contains(&format!("bucket `prefs` ({grant}): {}", texts::INFO)), "{told:#?}");
    assert_eq!(told.len(), 3, "{told:#?}");
    assert_eq!(of_entitlement(publish.iter().take(2), &Side::Nothing), Vec::<String>::new());
}
