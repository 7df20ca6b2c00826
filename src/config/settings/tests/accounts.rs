use super::*;

#[test]
fn accounts_that_nobody_is_let_into() {
    for (account, why) in [
        ("AUTH", "the callout account: its users can read or answer other people's logins"),
        ("AUDIT", "the audit account: its users are not the clients that are audited"),
        ("SYSTEM", "the system account"),
        ("SYS", "the system account"),
        ("$SYS", "the system account"),
        ("$G", "the global account: users without an account of their own end up there"),
    ] {
        assert_eq!(
            written().change("\"WEB\"", &format!("\"{account}\"")).problems(),
            [format!(
                "11: `{account}` cannot be a target: it is {why} | nobody is let into it by a \
                     token; name the accounts of applications"
            )]
        );
    }
    assert_eq!(
        written().change("\"WEB\"", "\"W B\"").messages(),
        ["`W B`: an account name has no white space and no control characters"]
    );
}

/// hallpass is the only guard between them.
#[test]
fn callout_audit_and_system_account_are_three() {
    assert_eq!(
        written().change("account = \"AUDIT\"", "account = \"AUTH\"").problems(),
        ["18: `callout.account` and `audit.account` are both `AUTH` | give each an account of \
              its own, as in `nats-server.conf`"]
    );
    assert_eq!(
        written().change("\"SYSTEM\"", "\"AUTH\"").messages(),
        ["`callout.account` and `accounts.system` are both `AUTH`"]
    );
    assert_eq!(
        written().flag("accounts.system", "AUDIT").problems(),
        ["--set accounts.system: `audit.account` and `accounts.system` are both `AUDIT` | give \
              each an account of its own, as in `nats-server.conf`"]
    );
    let all = written().flag("accounts.system", "X").flag("audit.account", "X");
    assert_eq!(all.flag("callout.account", "X").messages().len(), 3);
    assert_eq!(
        written().change("[\"APP\", \"WEB\"]", "[]").messages(),
        ["`targets` is empty: nobody could be let in anywhere"]
    );
}

/// What maps are judged by is there whatever else is wrong.
#[test]
fn targets_and_issuers_are_read_as_far_as_they_can_be() {
    let broken = written()
        .change("keys/issuer.nk", "keys/none.nk")
        .change("\"WEB\"", "\"W B\"")
        .cut("roles_claim")
        .cut("system");
    let layers = broken.layers();
    assert!(Settings::read(&layers, &mut Problems::default()).is_none());
    assert_eq!(Settings::targets(&layers).unwrap(), ["APP".parse().unwrap()].into());
    assert_eq!(Settings::issuer_names(&layers).unwrap(), ["corp".parse().unwrap()].into());
    let none = written().without("accounts").without("issuers.corp").layers();
    assert_eq!((Settings::targets(&none), Settings::issuer_names(&none)), (None, None));
    let by_flag = written().flag("accounts.targets", "X,Y").layers();
    assert_eq!(Settings::targets(&by_flag).unwrap().len(), 2);
}

/// A mistake elsewhere in a section does not hide this one.
#[test]
fn they_are_found_beside_other_problems() {
    let found = written()
        .change("\"WEB\"", "\"AUTH\", \"AUDIT\"")
        .change("keys/issuer.nk", "keys/none.nk")
        .change("keys/audit-writer.nk", "keys/none.nk")
        .messages();
    let targets = found.iter().filter(|says| says.contains("cannot be a target")).count();
    assert_eq!(targets, 2, "{found:#?}");
}
