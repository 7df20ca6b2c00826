use secrecy::ExposeSecret as _;

use super::*;

const SECTION: &str = "[issuers.corp]";

fn with(section: &str) -> Written {
    written().change(SECTION, &format!("{section}\n\n{SECTION}"))
}

#[test]
fn nobody_hears_of_connections_unless_it_is_said_who() {
    assert!(written().settings().system.is_none());
    let written = with("[system]\nseed = { file = \"keys/system.nk\" }");
    let settings = written.settings();
    let seed = std::fs::read_to_string(written.path("keys/system.nk")).unwrap();
    assert_eq!(settings.system.as_ref().unwrap().seed.expose_secret(), seed.trim());
    assert!(!format!("{settings:?}").contains(seed.trim()));
}

#[test]
fn who_breaks_the_glass_is_named_by_the_public_nkey_of_a_user() {
    let users = |text: &str| {
        with(&format!("[system]\nseed = {{ file = \"keys/system.nk\" }}\nbreak_glass = {text}"))
    };
    let (one, two) = (nkeys::KeyPair::new_user(), nkeys::KeyPair::new_user());
    let both = [one.public_key(), two.public_key()];
    let written = users(&format!("{both:?}"));
    assert_eq!(written.settings().system.as_ref().unwrap().break_glass, both.into());
    assert!(
        with("[system]\nseed = { file = \"keys/system.nk\" }")
            .settings()
            .system
            .unwrap()
            .break_glass
            .is_empty()
    );
    let (seed, account) = (one.seed().unwrap(), nkeys::KeyPair::new_account().public_key());
    for wrong in [&seed, &account, "operator", ""] {
        let told = users(&format!("[{wrong:?}]"));
        assert_eq!(told.messages(), ["not the public nkey of a user"]);
        assert!(told.problems().iter().all(|it| !it.contains(&seed)));
    }
    assert_eq!(users("\"all\"").messages().len(), 1);
}

#[test]
fn half_a_section_is_none() {
    assert_eq!(with("[system]").messages(), ["`[system]` lacks `seed`"]);
    let other = with("[system]\nseed = { file = \"keys/issuer.nk\" }");
    assert_eq!(other.messages(), ["`seed` holds no nkey seed of a user"]);
    let odd = with("[system]\nseed = { file = \"keys/system.nk\" }\naccount = \"SYS\"");
    assert_eq!(odd.messages(), ["unknown key `account` in `[system]`"]);
}
