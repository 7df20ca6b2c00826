//! How far the maps of a team reach.

use super::*;
use crate::config::MapBounds;

fn sales() -> MapBounds {
    MapBounds {
        name: "sales".to_owned(),
        directory: "teams/sales".into(),
        accounts: ["APP".parse().unwrap()].into(),
        issuers: Some(["corp".parse().unwrap()].into()),
        idp_roles: vec!["sales:*".parse().unwrap()],
        roles: None,
        subjects: vec!["orders.>".parse().unwrap()],
        streams: Vec::new(),
        buckets: Vec::new(),
        object_stores: Vec::new(),
        services: Vec::new(),
        api_prefixes: Vec::new(),
        domains: Vec::new(),
        jetstream_reads: false,
        responses: false,
    }
}

#[test]
fn a_team_s_files_reach_no_further_than_the_team() {
    let bounded = |text: &str| {
        let base = "account = \"APP\"\nissuers = [\"corp\"]\n[roles.base]\nidp_roles = [\"staff\"]\npublish = [\"hr.>\"]\n";
        maps(&[("base.toml", base), ("teams/sales/a.toml", text)])
            .issuers(&["corp", "k8s"])
            .targets(&["APP", "HR"])
            .bounded(sales())
            .problems()
    };
    let role = |lines: &str| {
        bounded(&format!(
            "account = \"APP\"\nissuers = [\"corp\"]\n[claims]\nt = \"t\"\n[roles.r]\n\
             idp_roles = [\"sales:clerk\"]\n{lines}\n"
        ))
    };
    assert_eq!(
        role(
            "publish = [\"orders.{t}.x\"]\ndeny_publish = [\"orders.*.y\"]\ninbox = \"_INBOX.{name}\""
        ),
        [""; 0]
    );
    for (lines, says) in [
        (
            "publish = [\"orders\"]",
            "teams/sales/a.toml:7: `orders` under `publish` is beyond the bounds of `teams/sales`",
        ),
        ("publish = [\">\"]", "`>` under `publish`"),
        ("publish = [\"{t}.x\"]", "`{t}.x` under `publish`"),
        ("subscribe = [\"hr.a\"]", "`hr.a` under `subscribe`"),
        ("publish = [\"orders.a\"]\ndeny_publish = [\"hr.a\"]", "`hr.a` under `deny_publish`"),
        ("inbox = \"_INBOX.{t}\"", "`_INBOX.{t}.>` under `subscribe`"),
        ("subscribe = [\"orders.a\"]\nallow_responses = true", "`allow_responses` of role `r`"),
        (
            "inherits = [\"base\"]",
            "`hr.>` under `publish`, which role `r` inherits, is beyond the bounds of `teams/sales` (base.toml:5: inherited from here)",
        ),
    ] {
        let mut told = role(lines);
        told.retain(|told| !told.starts_with("warning: "));
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(told[0].contains(says), "{told:?}");
    }
    let told =
        bounded("account = \"HR\"\nissuers = [\"k8s\"]\n[roles.r]\npublish = [\"orders.a\"]\n");
    assert_eq!(told.len(), 3, "{told:?}");
    assert!(told[0].contains("the account `HR` is beyond") && told[1].contains("the issuer `k8s`"));
    assert!(told[2].contains("the IdP role `r` is beyond"), "{told:?}");
}

/// The errors of a role with this grant, within these bounds.
fn grant_within(bounds: MapBounds, lines: &str) -> Vec<String> {
    let text = format!(
        "account = \"APP\"\nissuers = [\"corp\"]\n[roles.r]\nidp_roles = [\"sales:x\"]\n\
         inbox = \"_INBOX.{{subject}}\"\n[[roles.r.grant]]\n{lines}\n"
    );
    let mut told = maps(&[("teams/sales/a.toml", &text)]).bounded(bounds).problems();
    told.retain(|told| !told.starts_with("warning: "));
    told
}

#[test]
fn grants_of_a_team_are_about_what_is_the_team_s() {
    let bounds = || MapBounds {
        streams: vec!["SALES_*".parse().unwrap()],
        buckets: vec!["sales".parse().unwrap()],
        jetstream_reads: true,
        ..sales()
    };
    let grant = |lines: &str| grant_within(bounds(), lines);
    for good in [
        "stream = \"SALES_EU\"\ncan = [\"read\"]",
        "kv = \"sales\"\ncan = [\"read\", \"write\", \"delete\"]",
        "stream = \"SALES_EU\"\ncan = [\"publish\"]\nsubjects = [\"orders.eu\"]",
        "service = \"orders\"\ncan = [\"call\"]\nsubjects = [\"orders.{subject}\"]",
    ] {
        assert_eq!(grant(good), [""; 0], "{good}");
    }
    for (bad, says) in [
        ("stream = \"ORDERS\"\ncan = [\"read\"]", "stream `ORDERS` is beyond the bounds"),
        ("stream = \"{subject}\"\ncan = [\"read\"]", "stream `{subject}` is beyond the bounds"),
        ("kv = \"sales-x\"\ncan = [\"read\"]", "bucket `sales-x` is beyond the bounds"),
        ("object_store = \"sales\"\ncan = [\"read\"]", "object store `sales` is beyond the bounds"),
        (
            "stream = \"SALES_EU\"\ncan = [\"publish\"]\nsubjects = [\"hr.eu\"]",
            "`hr.eu` of stream `SALES_EU`",
        ),
        ("service = \"hr\"\ncan = [\"call\"]\nsubjects = [\"hr.x\"]", "`hr.x` of service `hr`"),
        ("stream = \"SALES_EU\"\ncan = [\"manage\"]", "`manage` of stream `SALES_EU`"),
    ] {
        let told = grant(bad);
        assert!(!told.is_empty() && told.iter().all(|told| told.contains(says)), "{bad}: {told:?}");
    }
}

#[test]
fn a_team_asks_no_other_jetstream_than_its_own() {
    let within = |prefixes: &[&str], domains: &[&str]| MapBounds {
        buckets: vec!["sales".parse().unwrap()],
        api_prefixes: prefixes.iter().map(|text| (*text).to_owned()).collect(),
        domains: domains.iter().map(|text| (*text).to_owned()).collect(),
        ..sales()
    };
    let write = |place: &str| format!("kv = \"sales\"\ncan = [\"write\", \"delete\"]\n{place}");
    let imported = write("api_prefix = \"hr.orders\"");
    let told = grant_within(within(&[], &["hub"]), &imported);
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].contains("the API prefix `hr.orders` of bucket `sales` is beyond"), "{told:?}");
    assert_eq!(grant_within(within(&["hr.orders"], &[]), &imported), [""; 0]);
    assert_eq!(grant_within(within(&["hr"], &[]), &imported).len(), 1, "a prefix is a whole one");

    let hub = write("domain = \"hub\"");
    let told = grant_within(within(&["hub"], &["edge"]), &hub);
    assert!(told[0].contains("`$JS.hub.API` of bucket `sales` is beyond"), "{told:?}");
    for as_prefix in [hub, write("api_prefix = \"$JS.hub.API\"")] {
        assert_eq!(grant_within(within(&[], &["hub"]), &as_prefix), [""; 0]);
    }
}

#[test]
fn a_team_reads_of_jetstream_where_that_is_meant() {
    let within = |jetstream_reads| MapBounds {
        streams: vec!["S".parse().unwrap()],
        buckets: vec!["s".parse().unwrap()],
        object_stores: vec!["s".parse().unwrap()],
        jetstream_reads,
        ..sales()
    };
    for reads in [
        "kv = \"s\"\ncan = [\"read\"]",
        "kv = \"s\"\ncan = [\"watch\"]\nkeys = \"{subject}.>\"",
        "stream = \"S\"\ncan = [\"read\"]",
        "stream = \"S\"\ncan = [\"get\"]\nsubjects = [\"orders.eu\"]",
        "stream = \"S\"\nconsumer = \"c\"\ncan = [\"read\"]",
        "stream = \"S\"\nconsumer = \"c\"\ncan = [\"manage\"]",
        "object_store = \"s\"\ncan = [\"read\"]",
    ] {
        let told = grant_within(within(false), reads);
        assert_eq!(told.len(), 1, "{reads}: {told:?}");
        assert!(told[0].contains("reading of ") && told[0].contains("`jetstream_reads = true`"));
        assert_eq!(grant_within(within(true), reads), [""; 0], "{reads}");
    }
    for writes in [
        "kv = \"s\"\ncan = [\"write\", \"delete\"]",
        "stream = \"S\"\ncan = [\"publish\"]\nsubjects = [\"orders.eu\"]",
    ] {
        assert_eq!(grant_within(within(false), writes), [""; 0], "{writes}");
    }
}

#[test]
fn a_team_serves_and_discovers_what_is_its_own() {
    let bounds = || MapBounds {
        subjects: vec!["orders.*".parse().unwrap()],
        services: vec!["sales-*".parse().unwrap()],
        responses: true,
        ..sales()
    };
    let service = |name: &str, can: &str, subject: &str| {
        let subjects =
            if subject.is_empty() { String::new() } else { format!("subjects = [\"{subject}\"]") };
        grant_within(bounds(), &format!("service = \"{name}\"\ncan = [\"{can}\"]\n{subjects}"))
    };
    assert_eq!(service("sales-eu", "discover", ""), [""; 0]);
    assert_eq!(service("sales-eu", "serve", "orders.x"), [""; 0]);
    assert_eq!(service("payments", "call", "orders.*"), [""; 0], "a call has no service's name");
    for (can, subject) in [("discover", ""), ("serve", "orders.x")] {
        let told = service("payments", can, subject);
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(told[0].contains("service `payments` is beyond the bounds"), "{told:?}");
    }
    let told = service("sales-eu", "serve", "orders.*");
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(
        told[0].contains("`orders.>`, which `orders.*` of service `sales-eu` reaches, is beyond"),
        "{told:?}"
    );
}

#[test]
fn a_team_s_roles_may_have_names_of_the_team_s_only() {
    let named = |name: &str| {
        let text = format!(
            "account = \"APP\"\n[roles.{name}]\nidp_roles = [\"sales:x\"]\npublish = [\"orders.x\"]\n"
        );
        let bounds = MapBounds { roles: Some(vec!["sales-*".parse().unwrap()]), ..sales() };
        maps(&[("teams/sales/a.toml", &text)]).bounded(bounds).problems()
    };
    assert_eq!(named("sales-clerk"), [""; 0]);
    let told = named("clerk");
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].starts_with("teams/sales/a.toml:2: the role name `clerk` is beyond"));
}

#[test]
fn an_inbox_is_one_s_own_among_several_issuers() {
    let errors = |issuers: &[&'static str], inbox: &str| {
        let text = format!(
            "account = \"APP\"\nissuers = [\"corp\"]\n[roles.r]\nidp_roles = [\"sales:x\"]\n\
             publish = [\"orders.x\"]\ninbox = \"{inbox}\"\n"
        );
        let maps = maps(&[("teams/sales/a.toml", &text)]).issuers(issuers).bounded(sales());
        let mut told = maps.problems();
        told.retain(|told| !told.starts_with("warning: "));
        told
    };
    assert_eq!(errors(&["corp"], "_INBOX.{subject}"), [""; 0]);
    for good in ["_INBOX.{name}", "_INBOX.{issuer}.{subject}"] {
        assert_eq!(errors(&["corp", "k8s"], good), [""; 0], "{good}");
    }
    let told = errors(&["corp", "k8s"], "_INBOX.{subject}");
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].contains("two issuers may give out the same `sub`: write `{name}`"));
    assert_eq!(errors(&["corp", "k8s"], "_INBOX.{issuer}").len(), 1);
}

#[test]
fn a_bounded_directory_is_there_in_that_spelling() {
    let text =
        "account = \"APP\"\n[roles.r]\nidp_roles = [\"sales:x\"]\npublish = [\"orders.x\"]\n";
    let told = |directory: &str| {
        let bounds = MapBounds { directory: directory.into(), ..sales() };
        let maps = maps(&[("a.toml", text), ("teams/sales/a.txt", "")]);
        maps.bounded(bounds).problems()
    };
    assert_eq!(told("teams/sales"), [""; 0], "one without maps is legal");
    let near = told("teams/Sales");
    assert_eq!(near.len(), 1, "{near:?}");
    assert!(near[0].starts_with("teams: there is no directory `Sales` here"), "{near:?}");
    assert!(near[0].contains("did you mean `sales`?"), "{near:?}");
    assert!(told("hr")[0].contains("create it"));
    assert!(told("teams/sales/a.txt")[0].contains("there is no directory `a.txt` here"));
}
