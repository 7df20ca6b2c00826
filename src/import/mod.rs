//! From the static users of a nats-server configuration to a first draft of subject maps.
//!
//! What the server allowed, the draft allows: people narrow it afterwards, with the old state
//! written down. Where something cannot be said in a map, the draft allows less and a comment
//! says so; the exceptions are limits on how somebody connects, which no map has yet: they are
//! in a comment and in a note. Passwords, tokens and seeds are never looked at.

mod draft;
mod permissions;
mod reading;
mod roles;
mod users;

use std::collections::BTreeSet;

use crate::{document::Problems, nats_conf::Map, printable};
use reading::Reading;
use roles::Names;

/// The draft: a file for each account, and what somebody should know besides.
#[derive(Debug, Default)]
pub struct Draft {
    /// The maps, in the order of the accounts.
    pub files: Vec<DraftFile>,
    /// What was left out, and what the server did that maps cannot say.
    pub notes: Vec<String>,
}

/// One subject map.
#[derive(Debug)]
pub struct DraftFile {
    /// What to call it: a legal name for a map on every file system, unique among the files.
    pub name: String,
    /// The account that it is about.
    pub account: String,
    /// What it holds.
    pub text: String,
}

/// Makes the draft of a configuration that people know as `source`. What the environment says
/// for the variables that are needed comes from `environment`. `None` where the configuration
/// says something that the server would refuse; `problems` has all of it.
pub fn draft(
    source: &str,
    configuration: &Map,
    environment: &dyn Fn(&str) -> Option<String>,
    problems: &mut Problems,
) -> Option<Draft> {
    let mut found = Problems::default();
    let mut notes = Vec::new();
    let mut reading = Reading::new(environment, &mut found);
    let accounts = users::accounts(configuration, &mut reading, &mut notes);
    let is_readable = !found.any_error();
    problems.append(found);
    if !is_readable {
        return None;
    }
    let mut names = Names::default();
    let mut taken = BTreeSet::new();
    let mut files = Vec::new();
    for account in accounts {
        let roles = roles::of(account.users, &mut names);
        for role in &roles {
            notes.extend(role.notes());
        }
        files.push(DraftFile {
            name: file_name(account.name.as_str(), &mut taken),
            text: draft::text(source, &account.name, account.is_global, &roles),
            account: account.name.to_string(),
        });
    }
    let notes = notes.iter().map(|note| printable::text(note)).collect();
    Some(Draft { files, notes })
}

/// `APP.toml`. File systems that know no capitals must not make one file of two.
fn file_name(account: &str, taken: &mut BTreeSet<String>) -> String {
    let legal = |c: char| if c.is_ascii_alphanumeric() || c == '_' { c } else { '-' };
    let stem: String = account.chars().map(legal).take(100).collect();
    let name = roles::unique(&stem, |name| taken.insert(name.to_ascii_lowercase()));
    format!("{name}.toml")
}

#[cfg(test)]
mod tests;
