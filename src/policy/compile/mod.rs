//! From the maps of a directory to a set that decisions are made by: what is known of the
//! whole only (roles twice, inheritance, accounts, issuers, bounds) is checked here. Pure.

mod advice;
mod bounds;
mod inherit;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use super::{
    condition::Condition,
    idp_role::IdpRole,
    map::{Lists, MapFile, Responses, Role as Written, Session},
    responses,
    template::Variable,
};
use crate::{
    claim_path::ClaimPath,
    config::MapBounds,
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
    /// How far the maps of some directories reach.
    pub bounds: Option<Vec<MapBounds>>,
    /// Whether an edge can attest a connection: it shares a key with hallpass.
    pub edge: bool,
}

/// A rule that took part in a decision: where it stands.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
pub struct RuleRef {
    /// The role it belongs to.
    pub role: RoleName,
    /// `file:line`.
    pub at: Arc<str>,
}

impl RuleRef {
    pub(super) fn new(role: &RoleName, at: &Arc<str>) -> Self {
        Self { role: role.clone(), at: Arc::clone(at) }
    }
}

/// See [`PolicySet::given_by`].
#[derive(Debug, Clone)]
pub struct GivenBy {
    /// The IdP's names, one for each that is a pattern.
    pub idp_roles: Vec<String>,
    /// Whose word it may be.
    pub issuers: Vec<IssuerName>,
}

/// A role with all that it inherits.
#[derive(Debug)]
pub(super) struct Role {
    /// As its file says it.
    pub(super) written: Written,
    /// The issuers whose word gives it.
    pub(super) issuers: Vec<IssuerName>,
    pub(super) whole: Whole,
}

/// What a role says, or a role and those that it inherits from together.
#[derive(Debug, Default, Clone)]
pub(super) struct Whole {
    pub(super) lists: Lists,
    pub(super) conditions: Vec<Arc<Condition>>,
    pub(super) responses: Option<Responses>,
    pub(super) session: Option<Session>,
}

impl Whole {
    /// The longest session; none: as long as the token.
    pub(super) fn longest(&self) -> Option<Duration> {
        self.session.as_ref().map(|session| session.longest)
    }
}

/// All roles of a directory, ready for decisions.
#[derive(Debug, Default)]
pub struct PolicySet {
    /// By who is believed and what they call the role.
    by_idp_role: HashMap<(IssuerName, IdpRole), Vec<Arc<Role>>>,
    by_name: BTreeMap<RoleName, Arc<Role>>,
    files: usize,
    digest: String,
    /// What placeholders and conditions read.
    claims: BTreeSet<ClaimPath>,
}

impl PolicySet {
    /// How many roles there are.
    #[must_use]
    pub fn roles(&self) -> usize {
        self.by_name.len()
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

    /// The claims that the maps read, in placeholders and conditions: with the issuer, the subject
    /// and the issuer's roles, all that a decision depends on of somebody.
    pub fn claims(&self) -> impl Iterator<Item = &ClaimPath> {
        self.claims.iter()
    }

    /// The names of all roles.
    pub fn names(&self) -> impl Iterator<Item = &RoleName> {
        self.by_name.keys()
    }

    /// What gives a role: names that the IdP's roles may have, and the issuers.
    #[must_use]
    pub fn given_by(&self, name: &RoleName) -> Option<GivenBy> {
        let role = self.by_name.get(name)?;
        let one = |idp_role: &IdpRole| match idp_role {
            IdpRole::Exact(name) => name.clone(),
            IdpRole::Below(beginning) => format!("{beginning}x"),
        };
        Some(GivenBy {
            idp_roles: role.written.idp_roles.iter().map(|(role, _)| one(role)).collect(),
            issuers: role.issuers.clone(),
        })
    }

    /// All roles, by name.
    pub(super) fn by_name(&self) -> &BTreeMap<RoleName, Arc<Role>> {
        &self.by_name
    }

    /// The roles that an issuer's roles grant, each once, by name, with those that grant it.
    pub(super) fn held<'a>(
        &self,
        issuer: &IssuerName,
        idp_roles: &'a BTreeSet<String>,
    ) -> BTreeMap<RoleName, (Arc<Role>, Vec<&'a str>)> {
        let mut held: BTreeMap<RoleName, (Arc<Role>, Vec<&str>)> = BTreeMap::new();
        for idp_role in idp_roles {
            for matching in IdpRole::that_match(idp_role) {
                let roles = self.by_idp_role.get(&(issuer.clone(), matching));
                for role in roles.into_iter().flatten() {
                    let (_, by) = held
                        .entry(role.written.name.clone())
                        .or_insert_with(|| (Arc::clone(role), Vec::new()));
                    if by.last() != Some(&idp_role.as_str()) {
                        by.push(idp_role);
                    }
                }
            }
        }
        held
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
    let mut written: BTreeMap<RoleName, Written> = BTreeMap::new();
    let mut paths = HashMap::new();
    for map in maps {
        if let (Some((account, place)), Some(targets)) = (&map.account, &boundaries.accounts) {
            check_account(account, place, targets, problems);
        }
        let bounds = bounds::of(&map.path, boundaries.bounds.iter().flatten());
        if let Some((account, place)) = &map.account {
            bounds::check_account(account, place, &bounds, problems);
        }
        for role in map.roles {
            if let Some(first) = written.get(&role.name) {
                let message = format!("role `{}` is defined twice", role.name);
                let help = "put the two together, or give one of them another name";
                problems.add(
                    Problem::error(&role.place, message, help)
                        .related(&first.place, "first defined here"),
                );
                continue;
            }
            if !bounds.is_empty() {
                paths.insert(role.name.clone(), bounds.clone());
            }
            written.insert(role.name.clone(), role);
        }
    }
    let mut wholes = inherit::wholes(&written, problems);
    let inherited: BTreeSet<RoleName> = written
        .values()
        .flat_map(|role| role.inherits.iter().map(|(parent, _)| parent.clone()))
        .collect();
    let (mut said, mut unknown) = (HashSet::new(), Vec::new());
    for (name, role) in written {
        let whole = wholes.remove(&name).unwrap_or_default();
        let issuers = boundaries
            .issuers
            .as_ref()
            .map(|known| believed(&role, known, &mut unknown, problems))
            .unwrap_or_default();
        let role = Role { written: role, issuers, whole };
        responses::check(&role, problems);
        for bounds in paths.get(&name).into_iter().flatten() {
            let issuers = boundaries.issuers.as_ref().map_or(1, BTreeSet::len);
            bounds::check(&role, bounds, issuers, problems);
        }
        advice::give(&role, inherited.contains(&name), boundaries.edge, &mut said, problems);
        set.add(role);
    }
    let known = boundaries.accounts.is_some()
        && boundaries.issuers.is_some()
        && boundaries.bounds.is_some();
    known.then_some(set)
}

impl PolicySet {
    fn add(&mut self, role: Role) {
        let role = Arc::new(role);
        let rules = role.whole.lists.named().into_iter().flat_map(|(_, rules)| rules);
        let filled = rules.flat_map(|rule| rule.template.variables()).filter_map(Variable::path);
        let judged = role.whole.conditions.iter().filter_map(|it| it.claim_path());
        self.claims.extend(filled.chain(judged).cloned());
        for issuer in &role.issuers {
            for (idp_role, _) in &role.written.idp_roles {
                let key = (issuer.clone(), idp_role.clone());
                self.by_idp_role.entry(key).or_default().push(Arc::clone(&role));
            }
        }
        self.by_name.insert(role.written.name.clone(), role);
    }
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

/// The issuers whose word gives the role. `unknown`: where one was reported; several roles may
/// have theirs from the top of their file.
fn believed(
    role: &Written,
    known: &BTreeSet<IssuerName>,
    unknown: &mut Vec<Place>,
    problems: &mut Problems,
) -> Vec<IssuerName> {
    let Some(named) = &role.issuers else {
        if known.len() > 1 && !role.idp_roles.is_empty() {
            let message = format!("role `{}` does not say which issuers it believes", role.name);
            let known: Vec<_> = known.iter().map(|name| format!("\"{name}\"")).collect();
            let help = format!(
                "with more than one issuer, write `issuers = [{}]` or some of them, in the role or \
                 at the top of the file for all its roles",
                known.join(", ")
            );
            problems.add(Problem::error(&role.place, message, help));
            return Vec::new();
        }
        return known.iter().cloned().collect();
    };
    for (issuer, place) in named {
        if !known.contains(issuer) && !unknown.iter().any(|reported| reported.is_same(place)) {
            unknown.push(place.clone());
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
