//! How a draft reads.

use super::*;

#[test]
fn a_draft_says_where_it_comes_from_and_what_to_do() {
    let draft = drafted("accounts { APP { users = [{user: ann, permissions: {publish: a}}] } }");
    assert_eq!(
        draft.unwrap().files[0].text,
        r#"# A first draft, made from the static users of a.conf.
# Each role allows what the server allowed: narrow it, and name the IdP's roles.
account = "APP"

# The server's users: ann
[roles.ann]
# idp_roles = ["ann"] # name the IdP's roles here; without it, the role's own name
publish = ["a"]
# The server allowed everything here: name what is needed.
subscribe = [">"]
"#
    );
}

#[test]
fn users_who_may_do_the_same_are_one_role() {
    let drafted = text(
        "{user: a, permissions: {publish: [x, y], subscribe: z}}
         {user: b, permissions: {sub: [z, z], pub: {allow: [y, x]}}}
         {user: c, permissions: {publish: [x, y], subscribe: z, allow_responses: no}}
         {user: d, permissions: {publish: [x, y], subscribe: z, allow_responses: {max: 0 }}}
         {user: e, permissions: {publish: [x, y], subscribe: {allow: z, deny: z.z}}}",
    );
    let heads: Vec<_> =
        drafted.lines().filter(|line| line.starts_with("# The server's users")).collect();
    assert_eq!(
        heads,
        ["# The server's users: a, b, c", "# The server's users: d", "# The server's users: e"]
    );
    assert!(
        drafted.contains("publish = [\"x\", \"y\"]\nsubscribe = [\"z\"]\nallow_responses = true\n")
    );
}

#[test]
fn role_names_are_legal_and_each_is_there_once() {
    let draft = drafted(
        "accounts {
           A { users = [{user: 'x y'}, {user: 'x@y', permissions: {publish: a}}] }
           B { users = [{user: 'x-y'}, {user: \"ü\u{202e}\\n[roles.evil]\", permissions: {publish: a}}] }
           'a' { users = [{user: z}] }
           'a/b' { users = [{user: '.z'}] }
           'a.b' { users = [{user: zz}] }
         }",
    )
    .unwrap();
    let names: Vec<_> = draft.files.iter().map(|file| file.name.as_str()).collect();
    assert_eq!(names, ["A.toml", "B.toml", "a-2.toml", "a-b.toml", "a-b-2.toml"]);
    let lines = draft.files.iter().flat_map(|file| file.text.lines());
    let roles: Vec<_> = lines.filter(|line| line.starts_with('[')).collect();
    assert_eq!(
        roles,
        [
            "[roles.x-y]",
            "[roles.x-y-2]",
            "[roles.x-y-3]",
            "[roles.\"----roles.evil-\"]",
            "[roles.z]",
            "[roles.\".z\"]",
            "[roles.zz]"
        ]
    );
    assert!(draft.files[1].text.contains("# The server's users: ü\\u{202e}\\n[roles.evil]\n"));
}

#[test]
fn a_queue_group_stays_with_its_subject() {
    let (draft, problems) = sample("queues.conf");
    assert!(problems.is_empty(), "{problems}");
    let text = &draft.unwrap().files[0].text;
    for expected in [
        "\nsubscribe = [\"orders.work workers\", \"orders.log *.audit\"]\n\
         deny_subscribe = [\"> nobody\"]\n",
        "\n# The server let them in by a trusted proxy only, this role does not ask.\n[roles.worker]",
        "\n# Without that deny it would be too much, so there is no `subscribe` yet. It was:\n\
         # The server allowed everything here: name what is needed.\n# subscribe = [\">\"]\n",
    ] {
        assert!(text.contains(expected), "{expected}\nis not in\n{text}");
    }
}

#[test]
fn what_a_map_cannot_say_is_a_comment() {
    let responses = |said: &str| {
        let user = format!("{{user: a, permissions: {{subscribe: b, allow_responses: {said}}}}}");
        let drafted = text(&user);
        drafted.split_once("subscribe = [\"b\"]\n").unwrap().1.trim_end().to_owned()
    };
    assert_eq!(responses("true"), "allow_responses = true");
    assert_eq!(responses("{max: 1, ttl: '2m'}").lines().count(), 1);
    assert_eq!(
        responses("{max: 2, ttl: '1.5s'}"),
        "allow_responses = { max = 2, expires = \"1500ms\" }"
    );
    assert_eq!(
        responses("{max: -5, ttl: '48h'}"),
        "# The server allowed more answers, or longer, than a map can.\n\
         allow_responses = { max = 4294967295, expires = \"24h\" }"
    );
    assert_eq!(
        responses("{ttl: '1us'}"),
        "# The server allowed answers for less than a millisecond: left out."
    );
    let long: Vec<_> = (0..30).map(|number| format!("subject.{number}")).collect();
    let drafted = text(&format!("{{user: a, permissions: {{publish: [{}]}}}}", long.join(", ")));
    assert!(drafted.contains("publish = [\n  \"subject.0\",\n"), "{drafted}");
    let inbox = text("{user: a, permissions: {subscribe: [b, _INBOX.>]}}");
    assert!(inbox.contains("inbox of his own.\nsubscribe = [\"b\", \"_INBOX.>\"]\n"), "{inbox}");
    let denied = text("{user: a, permissions: {publish: {allow: a, deny: [b, '>']}}}");
    assert!(denied.contains("# The server denied everything here: no `publish`.\n"), "{denied}");
    assert!(!denied.contains("\npublish"), "{denied}");
}

#[test]
fn who_is_left_out_is_told() {
    let (draft, _) = sample("accounts.conf");
    let draft = draft.unwrap();
    assert_eq!(
        draft.notes,
        [
            "the server takes who brings no credentials for `alice` (`no_auth_user`); hallpass lets in nobody without a token",
            "account `team b` was left out: an account name has no white space and no control characters",
            "account `AUTH` is the callout's account: its users were left out",
            "account `SYS` is the system account: its users were left out",
            "`glass` of account `$G` is one of `auth_users`, which hallpass does not decide about: left out",
        ]
    );
    let accounts: Vec<_> = draft.files.iter().map(|file| file.account.as_str()).collect();
    assert_eq!(accounts, ["SHOP", "TEAM.B"]);
    let condition = "when = { connection_types = [\"WEBSOCKET\", \"MQTT\"] }\n";
    assert!(draft.files.iter().any(|file| file.text.contains(condition)));
    let lossy = "accounts { APP { users: [{user: a, allowed_connection_types: [MQTT_WS]}] } }";
    let lossy = drafted(lossy).unwrap();
    assert!(
        lossy.files[0].text.contains("only: MQTT_WS\nwhen = { connection_types = [\"MQTT\"] }")
    );
    assert_eq!(lossy.notes, ["role `a`: the server let its users in over MQTT_WS only"]);

    let draft = drafted(
        "operator: x.jwt\nleafnodes { authorization { user: a } }\nmqtt { no_auth_user: b }\n\
         accounts { APP {}, B: { users: [{user: a}] } }\nauthorization { users = [{user: c}], proxy_required: true }",
    )
    .unwrap();
    assert_eq!(draft.notes.len(), 5, "{:?}", draft.notes);
    let accounts: Vec<_> = draft.files.iter().map(|file| file.account.as_str()).collect();
    assert_eq!(accounts, ["B", "APP"], "an account without users may take those of none");
    assert!(draft.files[1].text.contains("# Its users had no account;"));

    for nobody in ["", "port: 4222", "accounts: [A, B]", "accounts { A {} }", "authorization {}"] {
        let draft = drafted(nobody).unwrap();
        assert!(draft.files.is_empty() && draft.notes.is_empty(), "{nobody}");
    }
}
