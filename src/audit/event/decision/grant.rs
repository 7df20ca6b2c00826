//! What was granted and why, as a decision's event tells it.

use std::borrow::Cow;

use jiff::Timestamp;
use serde::Serialize;

use crate::{
    audit::privacy::Hiding,
    config::{PersonalField, Treatment},
    names::{AccountName, DecisionId},
    policy::{EndedBy, GivenRole, Grant, Permissions, Responses, RuleRef, Side, UnmetRole},
};

/// How many bytes the IdP's roles that give the roles may have, and the reasons why roles are not
/// held as well: somebody can be given many roles by many, and the event has to fit a message.
const MOST_BYTES: usize = 64 * 1024;

#[derive(Serialize)]
pub(super) struct GrantData<'a> {
    account: &'a AccountName,
    /// Absent where permissions are left out; `null` where there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    publish: Option<Option<SideData>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    subscribe: Option<Option<SideData>>,
    #[serde(skip_serializing_if = "is_zero")]
    permissions_omitted: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    responses: Option<ResponsesData>,
    #[serde(skip_serializing_if = "Option::is_none")]
    digest: Option<String>,
    jwt_id: DecisionId,
    ends_at: Timestamp,
    ends_by: EndData<'a>,
}

#[derive(Serialize)]
struct SideData {
    allow: Vec<String>,
    deny: Vec<String>,
}

#[derive(Clone, Copy, Serialize)]
struct ResponsesData {
    expires_ms: u64,
    max: u32,
}

#[derive(Serialize)]
struct EndData<'a> {
    by: &'static str,
    #[serde(flatten)]
    rule: Option<&'a RuleRef>,
}

/// What the digest is of, its members by name: so the text is canonical (RFC 8785).
#[derive(Serialize)]
struct Digested<'a> {
    account: &'a AccountName,
    publish: &'a Side,
    #[serde(skip_serializing_if = "Option::is_none")]
    responses: Option<ResponsesData>,
    subscribe: &'a Side,
}

#[derive(Serialize)]
pub(super) struct GivenData<'a> {
    #[serde(flatten)]
    role: &'a RuleRef,
    by: Vec<Cow<'a, str>>,
}

#[derive(Serialize)]
pub(super) struct UnmetData<'a> {
    #[serde(flatten)]
    role: &'a RuleRef,
    #[serde(skip_serializing_if = "str::is_empty")]
    why: &'a str,
}

/// Tells a grant. `id` is the decision's, which the user JWT has as its own.
pub(super) fn grant<'a>(
    grant: &'a Grant,
    id: DecisionId,
    hiding: &Hiding<'_>,
) -> Result<GrantData<'a>, serde_json::Error> {
    let responses = grant.responses().map(|Responses { max, expires, .. }| ResponsesData {
        expires_ms: super::latency::millis(*expires),
        max: *max,
    });
    let mut all = Hidden { omitted: 0, treatment: Treatment::Shown };
    let publish = all.side(grant.publish(), hiding);
    let subscribe = all.side(grant.subscribe(), hiding);
    let digested = Digested {
        account: grant.account(),
        publish: grant.publish(),
        responses,
        subscribe: grant.subscribe(),
    };
    let (by, rule) = match grant.ends_by() {
        EndedBy::Credential => ("credential", None),
        EndedBy::Session(rule) => ("session", Some(rule)),
        EndedBy::Hours(rule) => ("hours", Some(rule)),
        EndedBy::Longest => ("longest", None),
    };
    let is_told = hiding.privacy().treatment(PersonalField::Permissions) != Treatment::Omitted;
    Ok(GrantData {
        account: grant.account(),
        publish: is_told.then_some(publish),
        subscribe: is_told.then_some(subscribe),
        permissions_omitted: all.omitted,
        responses,
        digest: hiding.digest(all.treatment, &serde_json::to_string(&digested)?),
        jwt_id: id,
        ends_at: grant.ends_at(),
        ends_by: EndData { by, rule },
    })
}

/// What of the permissions is hidden.
struct Hidden {
    omitted: usize,
    treatment: Treatment,
}

impl Hidden {
    fn side(&mut self, side: &Side, hiding: &Hiding<'_>) -> Option<SideData> {
        match side {
            Side::Nothing => None,
            Side::Some { allow, deny } => {
                Some(SideData { allow: self.list(allow, hiding), deny: self.list(deny, hiding) })
            }
        }
    }

    fn list(&mut self, permissions: &Permissions, hiding: &Hiding<'_>) -> Vec<String> {
        let mut told = Vec::new();
        for permission in permissions.keys() {
            let text = permission.to_string();
            let treatment = hiding.treatment(PersonalField::Permissions, values(&text));
            self.treatment = self.treatment.max(treatment);
            match hiding.treated(treatment, PersonalField::Permissions, &text) {
                Some(text) => told.push(text.into_owned()),
                None => self.omitted += 1,
            }
        }
        told
    }
}

/// What can be the value of a placeholder in a permission: one token, or one after the beginning
/// of a bucket's name.
fn values(permission: &str) -> impl Iterator<Item = &str> {
    let tokens = permission.split(['.', ' ']);
    tokens.flat_map(|token| {
        let bucket = token.strip_prefix("KV_").or_else(|| token.strip_prefix("OBJ_"));
        [token, bucket.unwrap_or(token)]
    })
}

/// The roles that the IdP's roles give; with `true` where not all of these are told.
pub(super) fn given<'a>(roles: &'a [GivenRole], hiding: &Hiding<'_>) -> (Vec<GivenData<'a>>, bool) {
    let (mut room, mut is_cut) = (MOST_BYTES, false);
    let given = roles.iter().map(|given| {
        let mut by = Vec::new();
        for role in &given.by {
            if role.len() > room {
                is_cut = true;
                break;
            }
            room -= role.len();
            by.extend(hiding.text(PersonalField::IdpRoles, role));
        }
        GivenData { role: &given.role, by }
    });
    (given.collect(), is_cut)
}

/// The roles whose conditions are not met; beyond a bound without the reason.
pub(super) fn unmet(roles: &[UnmetRole]) -> Vec<UnmetData<'_>> {
    let mut room = MOST_BYTES;
    let unmet = roles.iter().map(|unmet| {
        let why = if unmet.why.len() > room { "" } else { unmet.why.as_str() };
        room -= why.len();
        UnmetData { role: &unmet.role, why }
    });
    unmet.collect()
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(count: &usize) -> bool {
    *count == 0
}
