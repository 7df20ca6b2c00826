//! Who the server knows: accounts with their users, and whose users are left out.

use std::collections::BTreeSet;

use super::{
    permissions::{self, Permissions},
    reading::Reading,
    roles,
};
use crate::{
    names::{AccountName, UserNkey},
    nats_conf::{Entry, Kind, Map, Node},
};

/// An account with the users that go into its draft: one at least.
pub(super) struct Account {
    pub(super) name: AccountName,
    /// Whether its users are in `$G`, so that the name is a suggestion.
    pub(super) is_global: bool,
    pub(super) users: Vec<User>,
}

/// A user of the server.
pub(super) struct User {
    /// The user name or the public nkey.
    pub(super) name: String,
    pub(super) permissions: Permissions,
    /// How he may connect; none said: in any way.
    pub(super) connection_types: Vec<String>,
    /// Whether only by way of a trusted proxy.
    pub(super) proxy_required: bool,
}

/// Where all users are that no account has.
const GLOBAL: &str = "$G";
const USER: [&str; 2] = ["user", "username"];
const PERMISSIONS: [&str; 3] = ["permissions", "permission", "authorization"];
const TYPES: [&str; 3] = ["allowed_connection_types", "connection_types", "clients"];
const DEFAULTS: [&str; 3] = ["default_permissions", "default_permission", "permissions"];
const CALLOUT: [&str; 2] = ["auth_callout", "auth_hook"];
/// Never read: what stands there, and what variables it is, is none of our concern.
const SECRET: [&str; 3] = ["pass", "password", "token"];

/// Whose users stay in the server's configuration.
struct LeftOut {
    system: String,
    callout: Option<String>,
    auth_users: BTreeSet<String>,
}

/// The accounts whose users go into a draft; what does not is told in `notes`.
pub(super) fn accounts(
    configuration: &Map,
    reading: &mut Reading<'_>,
    notes: &mut Vec<String>,
) -> Vec<Account> {
    let authorization = section(configuration, &["authorization"], reading).unwrap_or_default();
    let left_out = left_out(configuration, &authorization, reading);
    elsewhere(configuration, reading, notes);
    let mut found = Vec::new();
    if let Some(entry) = configuration.get(&["accounts"])
        && let Some(node) = reading.any(&entry.node)
        && let Kind::Map(accounts) = &node.kind
    {
        // What served as a variable is no account.
        for entry in accounts.iter().filter(|entry| !entry.is_variable) {
            found.extend(account(entry, &left_out, reading, notes));
        }
    }
    let users = global_users(&authorization, reading);
    let users = without_auth_users(users, GLOBAL, &left_out, notes);
    if !users.is_empty() {
        let is_free = |name: &str| found.iter().all(|account| account.name.as_str() != name);
        if let Ok(name) = roles::unique("APP", is_free).parse::<AccountName>() {
            notes.push(format!(
                "the users of `authorization` are in the server's global account, into which \
                 hallpass lets nobody: their draft is for an account `{name}`; make it in the \
                 server's configuration, or put another name into the draft"
            ));
            found.push(Account { name, is_global: true, users });
        }
    }
    found
}

fn section(map: &Map, names: &[&str], reading: &mut Reading<'_>) -> Option<Map> {
    let entry = map.get(names)?;
    Some((*reading.map(&entry.node, &format!("`{}`", names.first()?))?).clone())
}

fn left_out(configuration: &Map, authorization: &Map, reading: &mut Reading<'_>) -> LeftOut {
    let system = configuration.get(&["system_account", "system"]);
    let system = system.and_then(|entry| reading.string(&entry.node, "`system_account`"));
    let system = system.map_or_else(|| "$SYS".to_owned(), |name| name.to_string());
    let mut left_out = LeftOut { system, callout: None, auth_users: BTreeSet::new() };
    let Some(callout) = section(authorization, &CALLOUT, reading) else { return left_out };
    let account = callout.get(&["account", "acc"]);
    let account = account.and_then(|entry| reading.string(&entry.node, "`account`"));
    // Without a name it is the global one, whose users may be anybody.
    left_out.callout = account.map(|name| name.to_string());
    if let Some(entry) = callout.get(&["auth_users", "users"])
        && let Some(users) = reading.list(&entry.node, "`auth_users`")
    {
        let name = |user: &Node| Some(reading.string(user, "a user")?.to_string());
        left_out.auth_users = users.iter().filter_map(name).collect();
    }
    left_out
}

fn account(
    entry: &Entry,
    left_out: &LeftOut,
    reading: &mut Reading<'_>,
    notes: &mut Vec<String>,
) -> Option<Account> {
    let map = reading.map(&entry.node, "an account")?;
    let name = &entry.key;
    let entry = map.get(&["users"])?;
    let kept_for = match name {
        _ if *name == left_out.system => Some("is the system account"),
        _ if Some(name) == left_out.callout.as_ref() => Some("is the callout's account"),
        _ if name == GLOBAL => Some("is the server's global account"),
        _ => None,
    };
    if let Some(why) = kept_for {
        notes.push(format!("account `{name}` {why}: its users were left out"));
        return None;
    }
    let default = map.get(&["default_permissions"]);
    let default = default.map(|entry| permissions::read(&entry.node, reading));
    let default = default.flatten().unwrap_or_default();
    let users = users(entry, &default, reading);
    let users = without_auth_users(users, name, left_out, notes);
    if users.is_empty() {
        return None;
    }
    match name.parse() {
        Ok(name) => Some(Account { name, is_global: false, users }),
        Err(error) => {
            notes.push(format!("account `{name}` was left out: {error}"));
            None
        }
    }
}

/// Those who stay static are told by name: one may be somebody whom nobody remembers.
fn without_auth_users(
    users: Vec<User>,
    account: &str,
    left_out: &LeftOut,
    notes: &mut Vec<String>,
) -> Vec<User> {
    let (kept, users): (Vec<_>, Vec<_>) =
        users.into_iter().partition(|user| left_out.auth_users.contains(&user.name));
    notes.extend(kept.iter().map(|user| {
        let name = &user.name;
        format!("`{name}` of account `{account}` is one of `auth_users`, which hallpass does not decide about: left out")
    }));
    users
}

/// The users of `authorization`: a list, or one user or token for all.
fn global_users(authorization: &Map, reading: &mut Reading<'_>) -> Vec<User> {
    const OTHERS: [&str; 3] = ["timeout", "users", "proxy_required"];
    let known = [&USER[..], &SECRET, &DEFAULTS, &CALLOUT, &OTHERS].concat();
    reading.only(authorization, &known, "`authorization`");
    let default = authorization.get(&DEFAULTS);
    let default = default.map(|entry| permissions::read(&entry.node, reading));
    let default = default.flatten().unwrap_or_default();
    let proxy_required = flag(authorization, "proxy_required", reading);
    let mut found = Vec::new();
    if let Some(entry) = authorization.get(&["users"]) {
        found = users(entry, &default, reading);
    }
    // Who is alone has no permissions: the defaults are for the list.
    let alone = |name: &str| User {
        name: name.to_owned(),
        permissions: Permissions::default(),
        connection_types: Vec::new(),
        proxy_required: false,
    };
    if let Some(entry) = authorization.get(&USER) {
        let name = reading.string(&entry.node, "`user`");
        found.extend(name.map(|name| alone(&name)));
    } else if authorization.get(&["token"]).is_some() {
        found.push(alone("token"));
    }
    for user in &mut found {
        user.proxy_required |= proxy_required;
    }
    found
}

fn flag(map: &Map, name: &str, reading: &mut Reading<'_>) -> bool {
    let entry = map.get(&[name]);
    entry.and_then(|entry| reading.bool(&entry.node, &format!("`{name}`"))).unwrap_or_default()
}

fn users(entry: &Entry, default: &Permissions, reading: &mut Reading<'_>) -> Vec<User> {
    let Some(list) = reading.list(&entry.node, "`users`") else { return Vec::new() };
    list.iter().filter_map(|node| user(node, default, reading)).collect()
}

fn user(node: &Node, default: &Permissions, reading: &mut Reading<'_>) -> Option<User> {
    const OTHERS: [&str; 4] = ["nkey", "pass", "password", "proxy_required"];
    let map = reading.map(node, "a user")?;
    reading.only(&map, &[&USER[..], &PERMISSIONS, &TYPES, &OTHERS].concat(), "a user");
    let name = match (map.get(&["nkey"]), map.get(&USER)) {
        (Some(entry), _) => {
            let nkey = reading.string(&entry.node, "`nkey`")?;
            if nkey.parse::<UserNkey>().is_err() {
                let message = "`nkey` is not the public nkey of a user";
                reading.wrong(&entry.at, message, "it begins with `U`; a seed has no place here");
                return None;
            }
            nkey
        }
        (None, Some(entry)) => {
            let name = reading.string(&entry.node, "`user`")?;
            if name.is_empty() || is_like_a_seed(&name) {
                let message = "`user` is no name of a user";
                reading.wrong(&entry.at, message, "a name is not empty, and not a seed");
                return None;
            }
            name
        }
        (None, None) => {
            let help = "write `{ user: …, password: … }` or `{ nkey: U… }`";
            reading.wrong(&node.at, "a user has neither `user` nor `nkey`", help);
            return None;
        }
    };
    let permissions = match map.get(&PERMISSIONS) {
        Some(entry) => permissions::read(&entry.node, reading)?,
        None => default.clone(),
    };
    let mut connection_types = Vec::new();
    if let Some(entry) = map.get(&TYPES) {
        let given = reading.strings(&entry.node, "a list of connection types")?;
        connection_types = given.iter().map(|(text, _)| text.to_uppercase()).collect();
        connection_types.sort();
        connection_types.dedup();
    }
    let proxy_required = flag(&map, "proxy_required", reading);
    Some(User { name: name.to_string(), permissions, connection_types, proxy_required })
}

/// Somebody may have put the wrong half of a key there.
fn is_like_a_seed(text: &str) -> bool {
    let base32 = |c: char| c.is_ascii_uppercase() || matches!(c, '2'..='7');
    text.len() >= 32 && text.starts_with('S') && text.chars().all(base32)
}

/// What else lets people in, and is not read.
fn elsewhere(configuration: &Map, reading: &mut Reading<'_>, notes: &mut Vec<String>) {
    if configuration.get(&["operator", "operators", "trusted", "trusted_keys"]).is_some() {
        notes.push(
            "the server trusts an operator: users of JWTs are not in this file, and were not read"
                .to_owned(),
        );
    }
    if let Some(entry) = configuration.get(&["no_auth_user"])
        && let Some(name) = reading.string(&entry.node, "`no_auth_user`")
    {
        notes.push(format!(
            "the server takes who brings no credentials for `{name}` (`no_auth_user`); hallpass \
             lets in nobody without a token"
        ));
    }
    for (name, other) in [("leafnodes", "leaf"), ("websocket", "ws"), ("mqtt", "mqtt")] {
        if let Some(entry) = configuration.get(&[name, other])
            && let Kind::Map(map) = &entry.node.kind
            && map.get(&["authorization", "authentication", "no_auth_user"]).is_some()
        {
            notes.push(format!("`{name}` has users of its own, which were not read"));
        }
    }
}
