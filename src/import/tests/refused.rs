//! What the server would refuse is no draft: read otherwise than it was meant, it would be more.

use super::*;

#[track_caller]
fn is_refused(text: &str, message: &str) {
    assert_eq!(drafted(text).map(|draft| format!("{draft:?}")), Err(format!("a.conf:{message}")));
}

fn user(text: &str) -> String {
    format!("accounts {{ APP {{ users = [\n{{ {text} }}\n] }} }}")
}

#[test]
fn what_would_be_read_as_everything_is_refused() {
    for (text, message) in [
        ("user: a, permisions: {publish: b}", "2: `permisions` is unknown in a user"),
        ("user: a, permissions: {publsh: b}", "2: `publsh` is unknown in `permissions`"),
        (
            "user: a, permissions: {publish: {alow: b}}",
            "2: `alow` is unknown in `publish` or `subscribe`",
        ),
        ("user: a, permissions: [b]", "2: `permissions` is a list, not a map"),
        (
            "user: a, permissions: {publish: 1 }",
            "2: a list of subjects is a whole number, not a list of strings",
        ),
        (
            "user: a, permissions: {publish: [yes]}",
            "2: a list of subjects is true or false, not a string",
        ),
        ("user: a, permissions: {publish: 'b..c'}", "2: this is no subject"),
        ("user: a, permissions: {publish: 'b queue'}", "2: this is no subject"),
        ("user: a, permissions: {subscribe: 'b c d'}", "2: this is no subject"),
        (
            "user: a, permissions: {allow_responses: 'yes'}",
            "2: `allow_responses` is a string, neither true nor a map",
        ),
        ("user: a, permissions: {allow_responses: {max: many}}", "2: `max` is no whole number"),
        ("user: a, permissions: {allow_responses: {ttl: 5x}}", "2: `expires` is no span of time"),
        (
            "user: a, permissions: {allow_responses: {most: 5 }}",
            "2: `most` is unknown in `allow_responses`",
        ),
        ("password: a", "2: a user has neither `user` nor `nkey`"),
        ("user: ''", "2: `user` is no name of a user"),
        ("user: 5 ", "2: `user` is a whole number, not a string"),
        ("nkey: UABC", "2: `nkey` is not the public nkey of a user"),
        ("user: a, proxy_required: 'yes'", "2: `proxy_required` is a string, not true or false"),
    ] {
        is_refused(&user(text), message);
    }
    is_refused("accounts { APP { users = alice } }", "1: `users` is a string, not a list");
    is_refused("accounts { APP: alice }", "1: an account is a string, not a map");
    is_refused("authorization { userz = [] }", "1: `userz` is unknown in `authorization`");
    is_refused(
        "accounts { APP { default_permissions { pubish: a }\nusers = [{user: a}] } }",
        "1: `pubish` is unknown in `permissions`",
    );
    let both = drafted(&user("user: a, x: 1 }\n{ user: b, y: 1 ")).unwrap_err();
    assert_eq!(both, "a.conf:2: `x` is unknown in a user; a.conf:3: `y` is unknown in a user");
}

#[test]
fn variables_that_matter_must_be_known() {
    let told = |name: &str| {
        format!("2: a variable is used here, and neither file nor environment have `${name}`")
    };
    is_refused(&user("user: $WHO"), &told("WHO"));
    is_refused(&user("user: a, permissions: $WHAT"), &told("WHAT"));
    is_refused(&user("user: a, permissions: {publish: [b, $MORE]}"), &told("MORE"));
    let at = "2: a variable is used here, and neither file nor environment have it";
    is_refused(&user("user: a, permissions: {publish: $JS.API.>}"), at);

    let environment = |name: &str| match name {
        "WHO" => Some("$ME".to_owned()),
        "ME" => Some("alice".to_owned()),
        "WHAT" => Some("{ publish: [a, $MORE], subscribe: b }".to_owned()),
        "MORE" => Some("'c.>'".to_owned()),
        "CIRCLE" => Some("$CIRCLE".to_owned()),
        "BROKEN" => Some("SECRET SECRET".to_owned()),
        // Nobody asks for passwords.
        other => panic!("{other}"),
    };
    let text = user("user: $WHO, password: $PASSWORD, permissions: $WHAT, note: $NOTE");
    let text = text.replace(", note: $NOTE", "");
    let draft = drafted_with(&text, &environment).unwrap();
    assert!(draft.files[0].text.contains("publish = [\"a\", \"c.>\"]\nsubscribe = [\"b\"]"));
    for (name, message) in [
        ("CIRCLE", "a.conf:2: a variable stands for itself"),
        ("BROKEN", "a.conf:2: a variable of the environment is used here and is no value"),
    ] {
        let refused = drafted_with(&user(&format!("user: ${name}")), &environment);
        assert_eq!(refused.map(|draft| format!("{draft:?}")), Err(message.to_owned()));
    }
}

#[test]
fn no_secret_is_told() {
    let seed = nkeys::KeyPair::new_user().seed().unwrap();
    let curve = nkeys::XKey::new().seed().unwrap();
    for text in [
        user(&format!("nkey: {seed}")),
        user(&format!("user: {seed}")),
        user(&format!("user: {curve}")),
        user(&format!("user: a, {seed}: 1 ")),
        user(&format!("user: a, permissions: {{publish: '{seed} x'}}")),
        user(&format!("user: ${seed}")),
    ] {
        let told = drafted(&text).unwrap_err();
        assert!(!told.contains(&seed[5..20]) && !told.contains(&curve[5..20]), "{told}");
    }
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/server-configs");
    let mut samples = 0;
    for entry in std::fs::read_dir(directory).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if !name.ends_with(".conf") {
            continue;
        }
        samples += 1;
        let (draft, problems) = sample(&name);
        let told = format!("{draft:?} {problems}");
        assert!(!told.contains("SECRET-") && !told.contains("$2a$"), "{name}: {told}");
    }
    assert!(samples >= 7, "the samples were not found");
}
