//! From the maps of a directory to a set that decisions are made by: what is known of the
//! whole only (roles twice, accounts, issuers) is checked here. Pure.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use super::{
    map::{MapFile, Role},
    responses,
};
use crate::{
    document::{Place, Problem, Problems, did_you_mean},
    names::{AccountName, IssuerName, RoleName},
};

/// What maps may refer to. `None` is not known, because the configuration has a problem there:
/// maps are then judged without it, and nothing is loaded.
#[derive(Debug, Clone)]
pub struct Boundaries {
    /// The accounts that maps may target.
    pub accounts: Option<BTreeSet<AccountName>>,
    /// The issuers there are.
    pub issuers: Option<BTreeSet<IssuerName>>,
}

/// A rule that took part in a decision: where it stands.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct RuleRef {
    /// The role it belongs to.
    pub role: RoleName,
    /// `file:line`.
    pub at: String,
}

impl RuleRef {
    pub(super) fn new(role: &RoleName, at: &str) -> Self {
        Self { role: role.clone(), at: at.to_owned() }
    }
}

/// All roles of a directory, ready for decisions.
#[derive(Debug, Default)]
pub struct PolicySet {
    /// By who is believed and what they call the role.
    by_idp_role: HashMap<(IssuerName, String), Vec<Arc<Role>>>,
    roles: usize,
    files: usize,
    digest: String,
}

impl PolicySet {
    /// How many roles there are.
    #[must_use]
    pub fn roles(&self) -> usize {
        self.roles
    }

    /// How many files they stand in.
    #[must_use]
    pub fn files(&self) -> usize {
        self.files
    }

    /// SHA-256 over names and contents of the files: which version of the maps this is.
    #[must_use]
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// The roles that an issuer's roles grant, each once, by name.
    pub(super) fn held(
        &self,
        issuer: &IssuerName,
        idp_roles: &BTreeSet<String>,
    ) -> BTreeMap<RoleName, Arc<Role>> {
        let key = |idp_role: &String| (issuer.clone(), idp_role.clone());
        idp_roles
            .iter()
            .filter_map(|idp_role| self.by_idp_role.get(&key(idp_role)))
            .flatten()
            .map(|role| (role.name.clone(), Arc::clone(role)))
            .collect()
    }
}

/// Compiles the maps; `None` where what they may refer to is not known.
pub(super) fn compile(
    maps: Vec<MapFile>,
    boundaries: &Boundaries,
    digest: String,
    problems: &mut Problems,
) -> Option<PolicySet> {
    let mut set = PolicySet { files: maps.len(), digest, ..PolicySet::default() };
    let mut places: BTreeMap<RoleName, Place> = BTreeMap::new();
    for map in maps {
        if let (Some((account, place)), Some(targets)) = (&map.account, &boundaries.accounts) {
            check_account(account, place, targets, problems);
        }
        for role in map.roles {
            if let Some(first) = places.get(&role.name) {
                let message = format!("role `{}` is defined twice", role.name);
                let help = "put the two together, or give one of them another name";
                problems.add(
                    Problem::error(&role.place, message, help).related(first, "first defined here"),
                );
                continue;
            }
            places.insert(role.name.clone(), role.place.clone());
            responses::check(&role, problems);
            let issuers = boundaries
                .issuers
                .as_ref()
                .map(|known| believed(&role, known, problems))
                .unwrap_or_default();
            let role = Arc::new(role);
            set.roles += 1;
            for issuer in issuers {
                for idp_role in &role.idp_roles {
                    let key = (issuer.clone(), idp_role.clone());
                    set.by_idp_role.entry(key).or_default().push(Arc::clone(&role));
                }
            }
        }
    }
    (boundaries.accounts.is_some() && boundaries.issuers.is_some()).then_some(set)
}

fn check_account(
    account: &AccountName,
    place: &Place,
    targets: &BTreeSet<AccountName>,
    problems: &mut Problems,
) {
    if targets.contains(account) {
        return;
    }
    let message = format!("account `{account}` is not among the configured targets");
    let help = match did_you_mean(account.as_str(), targets.iter().map(AccountName::as_str)) {
        Some(near) => format!("did you mean `{near}`?"),
        None => {
            "add it to `targets` under `[accounts]` in hallpass.toml, if it may be one".to_owned()
        }
    };
    problems.add(Problem::error(place, message, help));
}

/// The issuers whose word gives the role.
fn believed(role: &Role, known: &BTreeSet<IssuerName>, problems: &mut Problems) -> Vec<IssuerName> {
    let Some(named) = &role.issuers else {
        if known.len() > 1 {
            let message = format!("role `{}` does not say which issuers it believes", role.name);
            let known: Vec<_> = known.iter().map(|name| format!("\"{name}\"")).collect();
            let help = format!(
                "with more than one issuer, write `issuers = [{}]` or some of them",
                known.join(", ")
            );
            problems.add(Problem::error(&role.place, message, help));
            return Vec::new();
        }
        return known.iter().cloned().collect();
    };
    for (issuer, place) in named {
        if !known.contains(issuer) {
            let near = did_you_mean(issuer.as_str(), known.iter().map(IssuerName::as_str));
            let help = match near {
                Some(near) => format!("did you mean `{near}`?"),
                None => "issuers are configured as `[issuers.NAME]` in hallpass.toml".to_owned(),
            };
            let message = format!("issuer `{issuer}` is not configured");
            problems.add(Problem::error(place, message, help));
        }
    }
    named.iter().map(|(issuer, _)| issuer.clone()).collect()
}
