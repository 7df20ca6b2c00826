//! The event of a decision, and of a request that was dropped before there was one.

use jiff::Timestamp;
use serde::Serialize;

use super::{Event, Kind, Recorded};
use crate::{
    callout::request::{RequestError, VerifiedRequest},
    code::{Code, Refusal, Stage},
    credential::Carrier,
    identity::Identity,
    idp::token::{CertificateHash, TokenFacts},
    names::{AccountName, DecisionId, RoleName, ServerId},
    policy::{Decision, Grant, Outcome, Responses, RuleRef, Side},
};

/// What was found out on the way to an answer; the further the login came, the more there is.
#[derive(Debug, Default)]
pub struct Findings {
    /// Where the token was found.
    pub carrier: Option<Carrier>,
    /// What is known of the token once its signature held.
    pub token: Option<TokenFacts>,
    /// The certificate that the client proved to have.
    pub certificate: Option<CertificateHash>,
    /// Who it is, once the token or the certificate held.
    pub identity: Option<Identity>,
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
    identity: Option<IdentityData<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<&'a TokenFacts>,
    #[serde(skip_serializing_if = "Option::is_none")]
    carrier: Option<Carrier>,
    roles: &'a [RoleName],
    rules: &'a [RuleRef],
    #[serde(skip_serializing_if = "Option::is_none")]
    grant: Option<GrantData<'a>>,
    client: ClientData<'a>,
    duration_us: u64,
    hallpass: Recorded<'a>,
}

#[derive(Serialize)]
struct IdentityData<'a> {
    issuer: &'a str,
    subject: &'a str,
    user_name: String,
}

#[derive(Serialize)]
struct GrantData<'a> {
    account: &'a AccountName,
    publish: &'a Side,
    subscribe: &'a Side,
    #[serde(skip_serializing_if = "Option::is_none")]
    responses: Option<ResponsesData>,
    ends_at: Timestamp,
}

#[derive(Serialize)]
struct ResponsesData {
    max: u32,
    expires_ms: u64,
}

#[derive(Serialize)]
struct ClientData<'a> {
    server_id: &'a str,
    server_name: &'a str,
    cluster: &'a str,
    client_id: u64,
    user_nkey: &'a str,
    host: &'a str,
    kind: &'a str,
    connection_type: &'a str,
    name: String,
    lang: String,
    version: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    tls: Option<&'a str>,
    /// SHA-256 of the certificate's DER, as hexadecimal digits.
    #[serde(skip_serializing_if = "Option::is_none")]
    certificate_sha256: Option<String>,
}

/// What the client says of itself is cut to this many characters.
const MAX_CLIENT_TEXT: usize = 128;

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
    /// How long that took, in microseconds, from reading the request.
    pub duration_us: u64,
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
    let Attempt { id, request, findings, refusal, .. } = attempt;
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
    let data = DecisionData {
        decision: *id,
        outcome,
        code: refusal.map(|refusal| refusal.code),
        stage: refusal.map(|refusal| refusal.code.stage()),
        detail: refusal.and_then(|refusal| refusal.detail.as_deref()),
        correction,
        identity: findings.identity.as_ref().map(|identity| IdentityData {
            issuer: identity.who().issuer.as_str(),
            subject: &identity.who().subject,
            user_name: identity.who().user_name(),
        }),
        token: findings.token.as_ref(),
        carrier: findings.carrier,
        roles: decided.map_or(&[], |decision| &decision.reasons().roles),
        rules: decided.map_or(&[], |decision| &decision.reasons().rules),
        grant: granted.map(grant_data),
        client: client(request, findings.certificate.as_ref()),
        duration_us: attempt.duration_us,
        hallpass: recorded,
    };
    Event::new(Kind::Decision, outcome, account, &id.to_string(), attempt.at, &data)
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

fn grant_data(grant: &Grant) -> GrantData<'_> {
    GrantData {
        account: grant.account(),
        publish: grant.publish(),
        subscribe: grant.subscribe(),
        responses: grant.responses().map(|Responses { max, expires, .. }| ResponsesData {
            max: *max,
            expires_ms: u64::try_from(expires.as_millis()).unwrap_or(u64::MAX),
        }),
        ends_at: grant.ends_at(),
    }
}

fn client<'a>(
    request: &'a VerifiedRequest,
    certificate: Option<&CertificateHash>,
) -> ClientData<'a> {
    let (server, client, connect) = (request.server(), request.client(), request.connect());
    let cut = |text: &str| text.chars().take(MAX_CLIENT_TEXT).collect();
    ClientData {
        server_id: request.server_id().as_str(),
        server_name: &server.name,
        cluster: &server.cluster,
        client_id: client.id,
        user_nkey: request.user_nkey().as_str(),
        host: &client.host,
        kind: &client.kind,
        connection_type: &client.connection_type,
        name: cut(&connect.name),
        lang: cut(&connect.lang),
        version: cut(&connect.version),
        tls: request.tls().map(|tls| tls.version.as_str()),
        certificate_sha256: certificate
            .map(|hash| hash.iter().map(|byte| format!("{byte:02x}")).collect()),
    }
}
