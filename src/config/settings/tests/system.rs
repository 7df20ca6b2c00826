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
fn half_a_section_is_none() {
    assert_eq!(with("[system]").messages(), ["`[system]` lacks `seed`"]);
    let other = with("[system]\nseed = { file = \"keys/issuer.nk\" }");
    assert_eq!(other.messages(), ["`seed` holds no nkey seed of a user"]);
    let odd = with("[system]\nseed = { file = \"keys/system.nk\" }\naccount = \"SYS\"");
    assert_eq!(odd.messages(), ["unknown key `account` in `[system]`"]);
}
