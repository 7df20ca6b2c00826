//! What hallpass says of a case.

use std::{path::Path, sync::Arc};

use hallpass::{
    connection::Connection,
    credential::Wish,
    document::Problems,
    identity::Who,
    policy::{self, Boundaries, Entitlement, Facts, PolicySet, Supposition},
};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::case::{Case, SUBJECT};

/// Loads the maps as `serve` does.
pub fn load(directory: &Path) -> PolicySet {
    let boundaries = Boundaries {
        accounts: Some(["APP".parse().unwrap()].into()),
        issuers: Some(["idp".parse().unwrap()].into()),
        bounds: Some(Vec::new()),
        edge: false,
    };
    let mut problems = Problems::default();
    let set = policy::load(directory, &boundaries, &mut problems);
    set.unwrap_or_else(|| {
        let errors: Vec<_> = problems
            .iter()
            .filter(|it| it.severity == hallpass::document::Severity::Error)
            .map(|it| it.render(false))
            .collect();
        panic!("a random map is none:\n{}", errors.join("\n"))
    })
}

/// What the login of a case may do; nothing where it is refused.
pub fn entitlement(
    set: &PolicySet,
    case: &Case,
    name: &str,
    claims: &Value,
) -> Option<Entitlement> {
    let who = Who {
        issuer: "idp".parse().unwrap(),
        subject: SUBJECT.to_owned(),
        idp_roles: case.idp_roles(name).into_iter().collect(),
        claims: Arc::new(claims.as_object().unwrap().clone()),
    };
    let roles = case.asked_for(name).map(|role| [role.parse().unwrap()].into());
    let facts = Facts {
        now: Timestamp::now(),
        expires_at: Timestamp::now() + SignedDuration::from_mins(15),
        wish: Wish { account: None, roles },
        connection: Connection { kind: None, source: None, certificate: false, attested: false },
    };
    let Supposition { outcome, .. } = policy::suppose(set, &who, &facts);
    outcome.ok()
}
