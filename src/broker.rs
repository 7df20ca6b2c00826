//! The token path, from the server's request to the answer. This is the only place that runs
//! the whole of it, and it reads top to bottom:
//!
//! request → credential → edge → token (form, key, signature, claims) or certificate → identity →
//! policy → audit → answer.

mod answer;

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

pub use answer::Answer;
use jiff::Timestamp;
use secrecy::{ExposeSecret as _, SecretString};
use tokio::time::{Instant, timeout_at};

use crate::{
    audit::{
        Class, Event, Privacy, Receipt, Recorder,
        event::{self, Attempt, Findings, Recorded, Step},
    },
    callout::{
        ReplayGuard, SkewWatch,
        request::{self, Expectations, RequestError, VerifiedRequest},
        responder::{Decide, Taken},
        response::{self, Keys},
    },
    code::{Code, Refusal},
    config::{CalloutSettings, EdgeSettings},
    connection::Connection,
    credential::{self, UserName, Wish},
    edge::{Attested, Envelope},
    identity::Identity,
    idp::{Issuers, certificate::PresentedCertificate},
    measures::Measures,
    names::{DecisionId, InstanceId},
    policy::{self, Facts, Grant, InForce, Outcome, PolicySet},
};

/// Requests that the replay guard remembers: at 5,000 logins a second, more than a minute.
const REPLAYS: usize = 400_000;

/// How long a refusal waits for its event to be safe. Who floods hallpass while nothing can be
/// recorded takes no more room by it.
const REFUSAL_PATIENCE: Duration = Duration::from_millis(250);

/// Decides logins.
pub struct Broker {
    callout: CalloutSettings,
    expectations: Expectations,
    edge: EdgeSettings,
    issuers: Issuers,
    policy: Arc<InForce>,
    recorder: Arc<dyn Recorder>,
    privacy: Arc<Privacy>,
    instance: InstanceId,
    replays: Mutex<ReplayGuard>,
    skew: SkewWatch,
    measures: Arc<Measures>,
    #[cfg(feature = "unaudited")]
    unaudited: bool,
}

impl Broker {
    /// A broker.
    #[must_use]
    pub fn new(
        callout: CalloutSettings,
        edge: EdgeSettings,
        issuers: Issuers,
        policy: Arc<InForce>,
        recorder: Arc<dyn Recorder>,
        privacy: Arc<Privacy>,
        instance: InstanceId,
    ) -> Self {
        let measures = Measures::new(callout.deadline, callout.max_in_flight);
        Self {
            expectations: Expectations {
                issuer: callout.issuer.public_key(),
                xkey: callout.xkey.clone(),
                servers: callout.servers.clone(),
            },
            callout,
            edge,
            issuers,
            policy,
            recorder,
            privacy,
            instance,
            replays: Mutex::new(ReplayGuard::new(REPLAYS)),
            skew: SkewWatch::default(),
            measures,
            #[cfg(feature = "unaudited")]
            unaudited: false,
        }
    }

    /// Notes what becomes of logins there.
    #[must_use]
    pub fn measured_by(self, measures: Arc<Measures>) -> Self {
        Self { measures, ..self }
    }

    /// Records nothing: what recording costs is measured beside this.
    #[cfg(feature = "unaudited")]
    #[must_use]
    pub fn unaudited(self) -> Self {
        Self { unaudited: true, ..self }
    }

    /// Runs the whole pipeline for one message, within the deadline.
    pub async fn answer(&self, message: &Taken) -> Answer {
        let request = match self.admit(message) {
            Ok(request) => request,
            Err(error) => return self.drop(error),
        };
        let deadline = message.read_at + self.callout.deadline;
        // Whatever comes meanwhile: a login is decided, and recorded, by one version.
        let policy = self.policy.snapshot();
        let mut findings = Findings::default();
        findings.latency.done(Step::Request, message.read_at.elapsed());
        let judging = self.judge(message, &request, &policy, &mut findings);
        let judged = match timeout_at(deadline, judging).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(refusal)) => Err(refusal),
            Err(_) => Err(Refusal::from(Code::DeadlineExceeded)),
        };
        self.conclude(message, &request, &policy, findings, judged).await
    }

    /// Answers a message that there is no room to decide.
    pub async fn refuse_overloaded(&self, message: &Taken) -> Answer {
        match self.admit(message) {
            Ok(request) => {
                let refusal = Err(Refusal::from(Code::Overloaded));
                let policy = self.policy.snapshot();
                self.conclude(message, &request, &policy, Findings::default(), refusal).await
            }
            Err(error) => self.drop(error),
        }
    }

    /// The request, if a server asks us and has not asked this before.
    fn admit(&self, message: &Taken) -> Result<VerifiedRequest, RequestError> {
        let now = Timestamp::now();
        let (payload, header_key) = (&message.payload, message.header_key.as_deref());
        let request =
            request::verify(payload, header_key, &self.expectations, now).inspect_err(|error| {
                if let (Some(server), Some(skew)) = (error.server(), error.skew()) {
                    self.skew.note(server, skew);
                }
            })?;
        self.skew.note(request.server_id(), request.skew(now));
        let mut replays = self.replays.lock().unwrap_or_else(PoisonError::into_inner);
        if replays.admit(request.user_nkey(), request.answerable_until(), now) {
            Ok(request)
        } else {
            Err(RequestError::replayed(&request))
        }
    }

    /// From the credential to the decision. `Ok` only where `findings` hold a grant.
    async fn judge(
        &self,
        message: &Taken,
        request: &VerifiedRequest,
        policy: &PolicySet,
        findings: &mut Findings,
    ) -> Result<(), Refusal> {
        if request.is_unguarded_leafnode() {
            return Err(Code::LeafnodeUnguarded.into());
        }
        let certificate = match request.tls() {
            Some(tls) => PresentedCertificate::of(tls)?,
            None => None,
        };
        let certificate = certificate.as_ref();
        let certificates = self.issuers.certificates();
        let identifies = certificate.is_some() && !certificates.is_empty();
        let found = credential::find(request.connect(), identifies)?;
        findings.carrier = Some(found.carrier);
        findings.certificate = certificate.map(|it| *it.hash());
        let token = found.unverified_token.as_ref();
        findings.fingerprint = token.map(|it| self.privacy.fingerprint(it.expose_secret()));
        let host = &request.client().host;
        let (wish, attested) = self.said(found.user_name, token, host, findings)?;
        findings.latency.done(Step::Credential, message.read_at.elapsed());

        let (identity, expires_at) = match (token, certificate) {
            (Some(token), _) => {
                let authentic = self.issuers.authentic(token.expose_secret()).await?;
                let (token, issuer) = (&authentic.token, authentic.issuer());
                findings.token = Some(token.facts());
                let bound_to = certificate.map(PresentedCertificate::hash);
                let token = token.judge(issuer, Timestamp::now(), bound_to)?;
                if issuer.require_edge && attested.is_none() {
                    return Err(Code::EdgeMissing.into());
                }
                (Identity::of(&token, issuer)?, token.expires_at())
            }
            (None, Some(certificate)) => {
                let issuer = certificate.issuer(certificates)?;
                let certificate = certificate.verify(issuer, Timestamp::now())?;
                (Identity::of_certificate(&certificate, issuer)?, certificate.expires_at())
            }
            (None, None) => return Err(Code::CredentialMissing.into()),
        };
        findings.latency.done(Step::Token, message.read_at.elapsed());

        let edges = &self.edge.addresses;
        let connection = Connection::of(request.client(), certificate.is_some(), edges);
        let connection = match &attested {
            Some(attested) => connection.attested(attested.source(), edges),
            None => connection,
        };
        let facts = Facts { now: Timestamp::now(), expires_at, wish, connection };
        let decision = policy::decide(policy, &identity, &facts);
        let outcome = match decision.outcome() {
            Outcome::Granted(_) => Ok(()),
            Outcome::Denied(refusal) => Err(refusal.clone()),
        };
        findings.identity = Some(identity);
        findings.facts = Some(facts);
        findings.decision = Some(decision);
        findings.latency.done(Step::Policy, message.read_at.elapsed());
        outcome
    }

    /// What the user name says: the client's wish, or the word of an edge, the wish inside it.
    fn said(
        &self,
        user_name: UserName,
        token: Option<&SecretString>,
        host: &str,
        findings: &mut Findings,
    ) -> Result<(Wish, Option<Attested>), Code> {
        let text = match user_name {
            UserName::Wish(wish) => return Ok((wish, None)),
            UserName::UnverifiedEnvelope(text) => text,
        };
        let envelope = findings.edge.insert(Envelope::authentic(&text, &self.edge)?);
        let token = token.map(|token| token.expose_secret());
        let attested = envelope.judge(token, host, &self.edge, Timestamp::now())?;
        Ok((attested.wish().clone(), Some(attested)))
    }

    /// Records what was judged, and answers. A grant goes out only once its event is safe; a refusal
    /// waits for that too, but not for long.
    async fn conclude(
        &self,
        message: &Taken,
        request: &VerifiedRequest,
        policy: &PolicySet,
        findings: Findings,
        judged: Result<(), Refusal>,
    ) -> Answer {
        let id = DecisionId::fresh();
        let measured = self.measures.judged(message.read_at);
        let recorded = Recorded::new(self.instance, policy);
        let attempt = |refusal| Attempt {
            id,
            request,
            findings: &findings,
            refusal,
            at: Timestamp::now(),
            took: message.read_at.elapsed(),
            policy,
            privacy: &self.privacy,
        };
        let deadline = message.read_at + self.callout.deadline;
        let patience = deadline.min(Instant::now() + REFUSAL_PATIENCE);
        let refusal = match (judged, granted(&findings)) {
            (Err(refusal), _) => {
                let safe = self.record_refusal(&attempt(Some(&refusal)), false, recorded);
                // Whether it is safe in time or not: a refusal stays one.
                let _ = timeout_at(patience, safe.is_safe()).await;
                refusal
            }
            (Ok(()), None) => {
                let refusal = Refusal::from(Code::InternalError);
                self.record_refusal(&attempt(Some(&refusal)), false, recorded);
                refusal
            }
            (Ok(()), Some(grant)) => {
                let event = || event::decision(&attempt(None), false, recorded);
                let safe = self.record(event, Class::Grant);
                if timeout_at(deadline, safe.is_safe()).await.unwrap_or(false) {
                    measured.answered(None, &findings.latency);
                    answer::log(id, request, None);
                    return Answer::of(response::grant(
                        request,
                        id,
                        grant,
                        self.keys(),
                        Timestamp::now(),
                    ));
                }
                let refusal = Refusal::from(Code::AuditUnavailable);
                self.record_refusal(&attempt(Some(&refusal)), true, recorded);
                refusal
            }
        };
        measured.answered(Some(refusal.code), &findings.latency);
        answer::log(id, request, Some(&refusal));
        let at_edge = findings.edge.as_ref().map(Envelope::request);
        let (keys, now) = (self.keys(), Timestamp::now());
        Answer::of(response::refusal(request, id, at_edge, refusal.code, keys, now))
    }

    fn record_refusal(
        &self,
        attempt: &Attempt<'_>,
        correction: bool,
        recorded: Recorded<'_>,
    ) -> Receipt {
        let class = if correction { Class::Correction } else { Class::Refusal };
        self.record(|| event::decision(attempt, correction, recorded), class)
    }

    fn drop(&self, error: RequestError) -> Answer {
        self.measures.dropped(error.code());
        let policy = self.policy.snapshot();
        let recorded = Recorded::new(self.instance, &policy);
        self.record(|| event::dropped(&error, Timestamp::now(), recorded), Class::Other);
        Answer::Drop(error)
    }

    fn record(
        &self,
        event: impl FnOnce() -> Result<Event, serde_json::Error>,
        class: Class,
    ) -> Receipt {
        #[cfg(feature = "unaudited")]
        if self.unaudited {
            return Receipt::at_once();
        }
        match event() {
            Ok(event) => self.recorder.record(event, class),
            Err(error) => {
                tracing::error!(%error, "an audit event could not be written");
                Receipt::never()
            }
        }
    }

    fn keys(&self) -> Keys<'_> {
        Keys { issuer: &self.callout.issuer, xkey: self.callout.xkey.as_deref() }
    }
}

impl Decide for Broker {
    async fn decide(&self, message: Taken) -> Option<Vec<u8>> {
        self.answer(&message).await.into_bytes()
    }

    async fn turn_away(&self, message: Taken) -> Option<Vec<u8>> {
        self.refuse_overloaded(&message).await.into_bytes()
    }

    fn unanswerable(&self) {
        self.drop(RequestError::without_reply()).into_bytes();
    }
}

fn granted(findings: &Findings) -> Option<&Grant> {
    match findings.decision.as_ref()?.outcome() {
        Outcome::Granted(grant) => Some(grant),
        Outcome::Denied(_) => None,
    }
}

#[cfg(test)]
mod tests;
