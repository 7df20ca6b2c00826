use super::*;

fn end(sessions: &[&str], now: Timestamp, expires: Timestamp) -> Result<Timestamp, Code> {
    let roles: String = sessions
        .iter()
        .enumerate()
        .map(|(index, session)| {
            format!("[roles.r{index}]\nidp_roles = [\"x\"]\npublish = [\"a\"]\n{session}\n")
        })
        .collect();
    let facts = Facts {
        now,
        expires_at: expires,
        wish: Wish::default(),
        connection: Connection::default(),
    };
    let decision = decide(&policy(&roles), &identity("corp", &["x"], &[]), &facts);
    match decision.outcome() {
        Outcome::Granted(grant) => Ok(grant.ends_at()),
        Outcome::Denied(denial) => Err(denial.code),
    }
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn milliseconds(milliseconds: i64) -> Timestamp {
    Timestamp::from_millisecond(milliseconds).unwrap()
}

#[test]
fn the_shortest_session_or_the_token_whichever_is_first() {
    let (short, long) = ("session = \"10m\"", "session = \"2h\"");
    let end = |sessions: &[&str], token| end(sessions, at(NOW), at(NOW + token));
    assert_eq!(end(&[long, short], 3600), Ok(at(NOW + 600)));
    assert_eq!(end(&[short, long], 3600), Ok(at(NOW + 600)));
    assert_eq!(end(&[short, ""], 3600), Ok(at(NOW + 600)));
    assert_eq!(end(&[long], 3600), Ok(at(NOW + 3600)));
    assert_eq!(end(&[""], 3600), Ok(at(NOW + 3600)));
    assert_eq!(end(&["", short], 599), Ok(at(NOW + 599)));
    assert_eq!(end(&[short], 0), Err(SessionTooShort));
    assert_eq!(end(&[short], -1), Err(SessionTooShort));
}

#[test]
fn ends_are_whole_seconds_downwards() {
    let now = milliseconds(NOW * 1000 + 700);
    assert_eq!(end(&["session = \"1s\""], now, at(NOW + 9)), Ok(at(NOW + 1)));
    assert_eq!(end(&["session = \"1500ms\""], now, at(NOW + 9)), Ok(at(NOW + 2)));
    assert_eq!(end(&[""], now, at(NOW + 1)), Ok(at(NOW + 1)));
    assert_eq!(end(&[""], now, milliseconds(NOW * 1000 + 999)), Err(SessionTooShort));
}

#[test]
fn the_end_of_time_is_no_overflow() {
    let end = end(&["session = \"366d\""], at(NOW), Timestamp::MAX);
    assert_eq!(end, Ok(at(NOW + 366 * 86_400)));
    let end = super::sessions::end(&[""], at(NOW), Timestamp::MAX);
    assert_eq!(end, Ok(at(NOW + 366 * 86_400)), "no session is longer");
    let late = at(Timestamp::MAX.as_second() - 1);
    let end = super::sessions::end(&["session = \"366d\""], late, Timestamp::MAX);
    assert_eq!(end, Ok(at(Timestamp::MAX.as_second())));
}

/// The line of the key is named, where the role is or in the one that it inherits it from.
#[test]
fn what_ends_a_session_is_named_by_its_line() {
    let policy = policy(
        "[roles.base]\nidp_roles = []\nsession = \"10m\"\npublish = [\"a\"]\n\
         [roles.heir]\ninherits = [\"base\"]\n\
         [roles.own]\ninherits = [\"base\"]\nsession = \"5m\"\n\
         [roles.longer]\ninherits = [\"base\"]\nsession = \"1h\"\n",
    );
    for (role, line) in [("heir", ":4"), ("own", ":10"), ("longer", ":4")] {
        let decision = decided(&policy, &[role]);
        let EndedBy::Session(by) = granted(&decision).ends_by() else { panic!("{role}") };
        assert!(by.role.as_str() == role && by.at.ends_with(line), "{by:?}");
    }
}
