//! What a client asks for less of: in CONNECT's user name, in a form of its own.
//!
//! ```text
//! hallpass-want:account=APP&role=orders-reader&role=orders-auditor
//! ```
//!
//! A user name that does not begin with `hallpass-` is none of our concern: MQTT clients must
//! send one. One that does and cannot be read is refused, so that a slip never means more.

use std::collections::BTreeSet;

use crate::{
    code::Code,
    names::{AccountName, RoleName},
};

/// What user names that are meant for hallpass begin with.
const RESERVED: &str = "hallpass-";
/// What a wish begins with.
const WISH: &str = "hallpass-want:";

/// The account and the roles that are asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wish {
    /// This account and no other; absent: the only one there is.
    pub account: Option<AccountName>,
    /// Of the held roles these; absent: all of them.
    pub roles: Option<BTreeSet<RoleName>>,
}

impl Wish {
    /// Reads a user name; one that is no wish asks for everything.
    ///
    /// The form is that of HTML forms (`application/x-www-form-urlencoded`): `account` once at
    /// most, `role` as often as there are roles.
    ///
    /// # Errors
    /// It is meant for hallpass and cannot be read.
    pub fn of(user_name: &str) -> Result<Self, Code> {
        let mut wish = Self::default();
        let Some(text) = user_name.strip_prefix(WISH) else {
            let reserved = user_name.to_ascii_lowercase().starts_with(RESERVED);
            return if reserved { Err(Code::WishMalformed) } else { Ok(wish) };
        };
        for (name, value) in url::form_urlencoded::parse(text.as_bytes()) {
            match name.as_ref() {
                "account" if wish.account.is_none() => {
                    wish.account = Some(value.parse().map_err(|_| Code::WishMalformed)?);
                }
                "role" => {
                    let role = value.parse().map_err(|_| Code::WishMalformed)?;
                    wish.roles.get_or_insert_default().insert(role);
                }
                _ => return Err(Code::WishMalformed),
            }
        }
        if wish == Self::default() { Err(Code::WishMalformed) } else { Ok(wish) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_are_not_meant_for_us_ask_for_everything() {
        for name in ["", "alice", "hallpass", "want:account=X", "mqtt-device-7", "a hallpass-want:"]
        {
            assert_eq!(Wish::of(name), Ok(Wish::default()), "{name:?}");
        }
    }

    #[test]
    fn a_wish_names_an_account_and_roles() {
        let roles = |names: &[&str]| Some(names.iter().map(|it| it.parse().unwrap()).collect());
        let account = || Some("APP".parse().unwrap());
        assert_eq!(
            Wish::of("hallpass-want:account=APP&role=b&role=a%2Fx"),
            Ok(Wish { account: account(), roles: roles(&["a/x", "b"]) })
        );
        assert_eq!(
            Wish::of("hallpass-want:account=APP"),
            Ok(Wish { account: account(), roles: None })
        );
        assert_eq!(
            Wish::of("hallpass-want:role=r"),
            Ok(Wish { account: None, roles: roles(&["r"]) })
        );
    }

    #[test]
    fn a_slip_never_means_more() {
        for wrong in [
            "hallpass-want:",
            "hallpass-want",
            "hallpass-wish:account=APP",
            "HALLPASS-WANT:account=APP",
            "Hallpass-want:account=APP",
            "hallpass-want:account=",
            "hallpass-want:account=A&account=B",
            "hallpass-want:acount=APP",
            "hallpass-want:account=A B",
            "hallpass-want:role=",
            "hallpass-want:role=a,b",
            "hallpass-want:roles=a",
            "hallpass-want:APP",
            "hallpass-edge:x",
        ] {
            assert_eq!(Wish::of(wrong), Err(Code::WishMalformed), "{wrong:?}");
        }
    }
}
