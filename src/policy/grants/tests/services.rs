use super::*;

const SUBJECTS: &str = "subjects = [\"svc.echo.>\"]";

#[test]
fn calling() {
    let call = grant(&format!("service = \"echo\"\ncan = [\"call\"]\n{SUBJECTS}"));
    same(&call.publish, &["svc.echo.>"]);
    same(&call.subscribe, &[]);
    assert!(call.needs_inbox && !call.responses);
    assert_eq!(call.resource, Resource::Service("echo".to_owned()));
    assert_eq!(call.notes, [notes::CALL]);
}

#[test]
fn serving() {
    let serve = grant(&format!("service = \"echo\"\ncan = [\"serve\"]\n{SUBJECTS}"));
    same(&serve.publish, &[]);
    same(
        &serve.subscribe,
        &[
            "svc.echo.> q",
            "$SRV.PING",
            "$SRV.PING.echo",
            "$SRV.PING.echo.*",
            "$SRV.INFO",
            "$SRV.INFO.echo",
            "$SRV.INFO.echo.*",
            "$SRV.STATS",
            "$SRV.STATS.echo",
            "$SRV.STATS.echo.*",
        ],
    );
    assert!(serve.responses && !serve.needs_inbox);
    let named =
        grant(&format!("service = \"echo\"\ncan = [\"serve\"]\n{SUBJECTS}\nqueue = \"workers\""));
    assert_eq!(named.subscribe[0], "svc.echo.> workers");
    assert_eq!(named.subjects, ["svc.echo.>"]);
}

#[test]
fn discovering() {
    let discover = grant("service = \"echo\"\ncan = [\"discover\"]");
    same(
        &discover.publish,
        &[
            "$SRV.PING.echo",
            "$SRV.PING.echo.*",
            "$SRV.INFO.echo",
            "$SRV.INFO.echo.*",
            "$SRV.STATS.echo",
            "$SRV.STATS.echo.*",
        ],
    );
    same(&discover.subscribe, &[]);
}

#[test]
fn what_a_service_grant_lacks_or_has_too_much() {
    for word in ["call", "serve"] {
        let told = refused(&format!("service = \"echo\"\ncan = [\"{word}\"]"));
        assert_eq!(told, [format!("`{word}` needs the subjects of the service's endpoints")]);
    }
    for other in ["call", "discover"] {
        let told =
            refused(&format!("service = \"echo\"\ncan = [\"serve\", \"{other}\"]\n{SUBJECTS}"));
        assert_eq!(told, ["`serve` cannot be granted together with `call` or `discover`"]);
    }
}
