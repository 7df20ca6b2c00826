//! The event of a decision, and of a request that was dropped before there was one.

mod client;
mod grant;
mod latency;
mod who;

use std::{collections::BTreeSet, time::Duration};

use client::{ClientData, ConnectionData, EdgeData};
use grant::{GivenData, GrantData, UnmetData};
use jiff::Timestamp;
pub use latency::{Latency, Step};
use serde::Serialize;
use who::{IdentityData, TokenData};

use super::{Event, Kind, Recorded};
use crate::{
    audit::privacy::{Privacy, Told},
    callout::request::{RequestError, VerifiedRequest},
    code::{Code, Refusal, Stage},
    credential::{Carrier, Wish},
    edge::Envelope,
    identity::Identity,
    idp::token::{CertificateHash, TokenFacts},
    names::{AccountName, DecisionId, RoleName, ServerId},
    policy::{Decision, Facts, Outcome, PolicySet, RuleRef},
};

/// What was found out on the way to an answer; the further the login came, the more there is.
#[derive(Debug, Default)]
pub struct Findings {
    /// How long the steps took.
    pub latency: Latency,
    /// Where the token was found.
    pub carrier: Option<Carrier>,
    /// What stands for the token, see [`Privacy::fingerprint`]; of a forged one too.
    pub fingerprint: Option<String>,
    /// What is known of the token once its signature held.
    pub token: Option<TokenFacts>,
    /// What an edge said, once its MAC held.
    pub edge: Option<Envelope>,
    /// The certificate that the client proved to have.
    pub certificate: Option<CertificateHash>,
    /// Who it is, once the token or the certificate held.
    pub identity: Option<Identity>,
    /// What was decided by, besides the identity and the maps.
    pub facts: Option<Facts>,
    /// What the policy said.
    pub decision: Option<Decision>,
}

#[derive(Serialize)]
struct DecisionData<'a> {
    decision: DecisionId,
    outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<Code>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stage: Option<Stage>,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<&'a str>,
    /// Whether the decision was recorded before, with another outcome.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    correction: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    decided_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    identity: Option<IdentityData<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    credential: Option<CredentialData<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<TokenData<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    wish: Option<WishData<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    connection: Option<ConnectionData>,
    #[serde(skip_serializing_if = "Option::is_none")]
    edge: Option<EdgeData<'a>>,
    given: Vec<GivenData<'a>>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    given_cut: bool,
    unmet: Vec<UnmetData<'a>>,
    roles: &'a [RoleName],
    rules: &'a [RuleRef],
    #[serde(skip_serializing_if = "Option::is_none")]
    grant: Option<GrantData<'a>>,
    client: ClientData<'a>,
    latency: LatencyData<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    privacy: Option<Told>,
    hallpass: Recorded<'a>,
}

#[derive(Serialize)]
struct CredentialData<'a> {
    carrier: Carrier,
    #[serde(skip_serializing_if = "Option::is_none")]
    fingerprint: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<Timestamp>,
}

#[derive(Serialize)]
struct WishData<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    account: Option<&'a AccountName>,
    #[serde(skip_serializing_if = "Option::is_none")]
    roles: Option<&'a BTreeSet<RoleName>>,
}

#[derive(Serialize)]
struct LatencyData<'a> {
    #[serde(flatten)]
    steps: &'a Latency,
    total: u64,
}

/// One login attempt and what became of it.
#[derive(Debug)]
pub struct Attempt<'a> {
    /// The decision's id.
    pub id: DecisionId,
    /// The server's request.
    pub request: &'a VerifiedRequest,
    /// What was found out.
    pub findings: &'a Findings,
    /// Why it was refused, unless it was granted.
    pub refusal: Option<&'a Refusal>,
    /// When it was decided.
    pub at: Timestamp,
    /// How long that took, from reading the request.
    pub took: Duration,
    /// The maps that decided.
    pub policy: &'a PolicySet,
    /// What may be told of people.
    pub privacy: &'a Privacy,
}

/// Writes the event of a decision. `correction` marks the second event of a decision: one that
/// was granted and then withheld.
///
/// # Errors
/// Where it cannot be written as JSON, which no known value causes.
pub fn decision(
    attempt: &Attempt<'_>,
    correction: bool,
    recorded: Recorded<'_>,
) -> Result<Event, serde_json::Error> {
    let Attempt { id, request, findings, refusal, policy, privacy, .. } = attempt;
    let outcome = match refusal.map(|refusal| refusal.code) {
        None => "granted",
        Some(code) if code.is_undecided() => "undecided",
        Some(_) => "refused",
    };
    let decided = findings.decision.as_ref();
    let granted = decided.and_then(|decision| match decision.outcome() {
        Outcome::Granted(grant) if refusal.is_none() => Some(grant),
        _ => None,
    });
    let account = granted.map(|grant| grant.account().as_str());
    let facts = findings.facts.as_ref();
    // Before anything is told: what is hidden is hidden wherever it stands.
    let hiding = who::hiding(findings, request, policy, privacy);
    let reasons = decided.map(Decision::reasons);
    let (given, given_cut) =
        reasons.map_or_else(Default::default, |it| grant::given(&it.given, &hiding));
    let data = DecisionData {
        decision: *id,
        outcome,
        code: refusal.map(|refusal| refusal.code),
        stage: refusal.map(|refusal| refusal.code.stage()),
        detail: refusal.and_then(|refusal| refusal.detail.as_deref()),
        correction,
        decided_at: facts.map(|facts| facts.now),
        identity: findings.identity.as_ref().map(|it| who::identity(it.who(), policy, &hiding)),
        credential: findings.carrier.map(|carrier| CredentialData {
            carrier,
            fingerprint: findings.fingerprint.as_deref(),
            expires_at: facts.map(|facts| facts.expires_at),
        }),
        token: findings.token.as_ref().map(|token| who::token(token, &hiding)),
        wish: facts.and_then(|facts| wish(&facts.wish)),
        connection: facts.map(|facts| client::connection(&facts.connection, &hiding)),
        edge: findings.edge.as_ref().map(|it| client::edge(it, &hiding)),
        given,
        given_cut,
        unmet: reasons.map_or_else(Vec::new, |it| grant::unmet(&it.unmet)),
        roles: reasons.map_or(&[], |it| &it.roles),
        rules: reasons.map_or(&[], |it| &it.rules),
        grant: granted.map(|it| grant::grant(it, *id, &hiding)).transpose()?,
        client: client::client(request, findings.certificate.as_ref(), &hiding),
        latency: LatencyData { steps: &findings.latency, total: latency::micros(attempt.took) },
        privacy: privacy.told(),
        hallpass: recorded,
    };
    Event::new(Kind::Decision, outcome, account, &id.to_string(), attempt.at, &data)
}

fn wish(wish: &Wish) -> Option<WishData<'_>> {
    let Wish { account, roles } = wish;
    let (account, roles) = (account.as_ref(), roles.as_ref());
    (account.is_some() || roles.is_some()).then_some(WishData { account, roles })
}

/// Writes the event of a request that was dropped: it was no server's, or not for us.
///
/// # Errors
/// Where it cannot be written as JSON, which no known value causes.
pub fn dropped(
    error: &RequestError,
    at: Timestamp,
    recorded: Recorded<'_>,
) -> Result<Event, serde_json::Error> {
    #[derive(Serialize)]
    struct Dropped<'a> {
        outcome: &'static str,
        code: Code,
        #[serde(skip_serializing_if = "Option::is_none")]
        server_id: Option<&'a ServerId>,
        hallpass: Recorded<'a>,
    }
    let id = DecisionId::fresh().to_string();
    let data = Dropped {
        outcome: "dropped",
        code: error.code(),
        server_id: error.server(),
        hallpass: recorded,
    };
    Event::new(Kind::Request, "dropped", None, &id, at, &data)
}

#[cfg(test)]
mod tests;
