//! Users who may do the same become one role.

use std::collections::BTreeSet;

use super::{permissions::Permissions, users::User};
use crate::{
    connection::ConnectionType,
    names::{RoleName, UserNkey},
};

/// A role of the draft.
pub(super) struct Role {
    pub(super) name: RoleName,
    /// Whose role it is, as the server calls them.
    pub(super) users: Vec<String>,
    pub(super) permissions: Permissions,
    pub(super) connection_types: Vec<String>,
    pub(super) proxy_required: bool,
}

/// The names that roles have already, over all files.
#[derive(Default)]
pub(super) struct Names(BTreeSet<String>);

/// The roles of an account's users, in the order of the users.
pub(super) fn of(users: Vec<User>, names: &mut Names) -> Vec<Role> {
    let mut roles: Vec<Role> = Vec::new();
    for user in users {
        let same = |role: &&mut Role| {
            role.permissions == user.permissions
                && role.connection_types == user.connection_types
                && role.proxy_required == user.proxy_required
        };
        match roles.iter_mut().find(same) {
            Some(role) => role.users.push(user.name),
            None => roles.extend(names.name(&user.name).map(|name| Role {
                name,
                users: vec![user.name],
                permissions: user.permissions,
                connection_types: user.connection_types,
                proxy_required: user.proxy_required,
            })),
        }
    }
    roles
}

impl Names {
    /// A legal name that no other role has. There always is one.
    fn name(&mut self, user: &str) -> Option<RoleName> {
        let legal = |c: char| {
            let fits = c.is_ascii_alphanumeric() || "-_.:/".contains(c);
            if fits { c } else { '-' }
        };
        let stem: String = match user.parse::<UserNkey>() {
            Ok(_) => format!("nkey-{}", user.get(..8).unwrap_or_default()),
            Err(_) => user.chars().map(legal).take(100).collect(),
        };
        unique(&stem, |name| self.0.insert(name.to_owned())).parse().ok()
    }
}

/// The name itself or with a number, whatever is free first.
pub(super) fn unique(stem: &str, mut is_free: impl FnMut(&str) -> bool) -> String {
    let mut name = stem.to_owned();
    let mut number: u64 = 1;
    while !is_free(&name) {
        number += 1;
        name = format!("{stem}-{number}");
    }
    name
}

impl Role {
    /// The connection types as a map can say them, and whether that is more than was allowed;
    /// nothing where one of them is unknown.
    pub(super) fn kinds(&self) -> Option<(BTreeSet<ConnectionType>, bool)> {
        let mut lossy = false;
        let kind = |name: &String| match name.as_str() {
            "MQTT_WS" | "LEAFNODE_WS" | "IN_PROCESS" => {
                lossy = true;
                Some(match name.as_str() {
                    "MQTT_WS" => ConnectionType::Mqtt,
                    "LEAFNODE_WS" => ConnectionType::LeafNode,
                    _ => ConnectionType::Standard,
                })
            }
            name => name.parse().ok(),
        };
        let kinds: Option<BTreeSet<_>> = self.connection_types.iter().map(kind).collect();
        kinds.map(|kinds| (kinds, lossy))
    }

    /// What the draft allows beyond the server, because a map cannot say less.
    pub(super) fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        let name = &self.name;
        let lossy = self.kinds().is_none_or(|(_, lossy)| lossy);
        if !self.connection_types.is_empty() && lossy {
            let types = self.connection_types.join(", ");
            notes.push(format!("role `{name}`: the server let its users in over {types} only"));
        }
        if self.proxy_required {
            notes.push(format!(
                "role `{name}`: the server let its users in by a trusted proxy only"
            ));
        }
        notes
    }
}
