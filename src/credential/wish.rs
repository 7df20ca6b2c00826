//! What a client asks for less of, as an HTML form would say it
//! (`application/x-www-form-urlencoded`).
//!
//! ```text
//! account=APP&role=orders-reader&role=orders-auditor
//! ```

use std::collections::BTreeSet;

use crate::{
    code::Code,
    names::{AccountName, RoleName},
};

/// The account and the roles that are asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wish {
    /// This account and no other; absent: the only one there is.
    pub account: Option<AccountName>,
    /// Of the held roles these; absent: all of them.
    pub roles: Option<BTreeSet<RoleName>>,
}

impl Wish {
    /// Reads a wish: `account` once at most, `role` as often as there are roles.
    ///
    /// # Errors
    /// It cannot be read, or asks for nothing.
    pub fn read(text: &str) -> Result<Self, Code> {
        let mut wish = Self::default();
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
    fn a_wish_names_an_account_and_roles() {
        let roles = |names: &[&str]| Some(names.iter().map(|it| it.parse().unwrap()).collect());
        let account = || Some("APP".parse().unwrap());
        assert_eq!(
            Wish::read("account=APP&role=b&role=a%2Fx"),
            Ok(Wish { account: account(), roles: roles(&["a/x", "b"]) })
        );
        assert_eq!(Wish::read("account=APP"), Ok(Wish { account: account(), roles: None }));
        assert_eq!(Wish::read("role=r"), Ok(Wish { account: None, roles: roles(&["r"]) }));
    }

    #[test]
    fn a_slip_never_means_more() {
        for wrong in [
            "",
            "account=",
            "account=A&account=B",
            "acount=APP",
            "account=A B",
            "role=",
            "role=a,b",
            "roles=a",
            "APP",
        ] {
            assert_eq!(Wish::read(wrong), Err(Code::WishMalformed), "{wrong:?}");
        }
    }
}
