//! One subject map as written: a file in, its roles out, with every problem in it. Pure.

mod claims;
mod granted;
mod limits;
mod role;
mod when;

use std::path::PathBuf;

use claims::Claims;
pub(super) use granted::Granted;
pub use role::Responses;
pub(super) use role::{LONGEST_SESSION, Lists, Origin, Role, Rule, Session};

use crate::{
    document::{Fields, Node, Place, Problem, Problems, parse_at},
    names::{AccountName, RoleName},
    policy::cases::{self, Case},
};

/// A file's account and where it is named, with its roles.
#[derive(Debug)]
pub(super) struct MapFile {
    /// Where the file is, below the directory of the maps.
    pub(super) path: PathBuf,
    pub(super) account: Option<(AccountName, Place)>,
    pub(super) roles: Vec<Role>,
    pub(super) cases: Vec<Case>,
}

/// Reads a map. What has a problem is left out, so that the rest is still checked.
pub(super) fn read(path: PathBuf, root: &Node, problems: &mut Problems) -> MapFile {
    let mut fields = Fields::of(root, "the subject map", problems);
    if fields.is_empty() {
        problems.add(Problem::error(
            fields.place(),
            "the subject map is empty",
            "begin it with `account = \"…\"`, then `[roles.NAME]`; or remove the file",
        ));
        return MapFile { path, account: None, roles: Vec::new(), cases: Vec::new() };
    }
    let example = "`account = \"APP\"`: where these roles lead, one of `accounts.targets`";
    let named = fields.required("account", example, problems);
    let account = named.and_then(|_| fields.string("account", problems));
    let account = account.and_then(|(text, place)| {
        let help = "write it as in the server's configuration";
        Some((parse_at::<AccountName>(text, place, help, problems)?, place.clone()))
    });
    let issuers = role::issuers(&mut fields, "the roles of this map", problems);
    let claims = Claims::read(&mut fields, problems);
    let mut roles = Vec::new();
    let before = problems.len();
    let entries = fields.entries("roles", problems);
    if entries.is_empty() && problems.len() == before {
        problems.add(Problem::warning(
            fields.place(),
            "the subject map has no role",
            "add `[roles.NAME]` with `publish` and `subscribe`",
        ));
    }
    for (name, place, node) in entries {
        let help = "give it another name; the IdP's own names for it go into `idp_roles`";
        let Some(name) = parse_at::<RoleName>(name, place, help, problems) else { continue };
        let account = account.as_ref().map(|(account, _)| account);
        let Some(mut role) = role::read(name, place, account, node, &claims, problems) else {
            continue;
        };
        role.issuers = role.issuers.or_else(|| issuers.clone());
        roles.push(role);
    }
    let cases = cases::read(&mut fields, problems);
    fields.finish(problems);
    MapFile { path, account, roles, cases }
}

#[cfg(test)]
mod tests;
