use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::*;
use crate::{
    callout::request,
    config::{PersonalData, PersonalField},
    connection::{Connection, ConnectionType},
    names::InstanceId,
    policy::decide,
    testkit::{
        NOW, a_request, a_token, an_issuer, es256, key_set, maps, now, on_the_stream, verify_with,
    },
};

mod again;
mod fields;
mod personal;

/// A login that has all that an event can tell, and the maps that decide it.
struct Login {
    policy: PolicySet,
    request: VerifiedRequest,
    findings: Findings,
}

const MAP: &str = r#"account = "APP"
[claims]
tenant = "org.tenant"
mail = "mail"
team = { claim = ["https://x.example/team"], default = "none" }
[roles.clerk]
idp_roles = ["group-77e1"]
publish = ["orders.{tenant}.{subject}.>"]
subscribe = ["inbox.{name}.*", "lists.{team}"]
deny_publish = ["orders.{tenant}.{subject}.secret"]
session = "10m"
[roles.night]
idp_roles = ["group-77e1"]
publish = ["night.>"]
when.claims = { mail = "nobody" }
[roles.answering]
idp_roles = ["group-88e2"]
subscribe = ["work.{tenant}"]
allow_responses = { max = 2, expires = "3s" }
"#;

impl Login {
    fn new() -> Self {
        Self::with(|token| token)
    }

    fn with(
        change: impl FnOnce(crate::testkit::TokenBuilder) -> crate::testkit::TokenBuilder,
    ) -> Self {
        let policy = maps(&[("a.toml", MAP)]).policy();
        let token = a_token()
            .with("sub", "subject-11d1")
            .with("jti", "token-id-22d2")
            .with("nbf", NOW - 5)
            .with("azp", "client-33d3")
            .with(
                "act",
                json!({
                    "sub": "actor-44d4", "iss": "https://actors.example",
                    "act": { "sub": "actor-55d5" },
                }),
            )
            .with("org", json!({ "tenant": "tenant-66d6", "other": "unread" }))
            .with("mail", "mail-99d9")
            .with("https://x.example/team", "team-12f1")
            .with("extra", json!({ "deep": ["extra-13f3", 14_159_265] }))
            .with_role("group-77e1")
            .with_role("group-88e2");
        let text = change(token).text();
        let (issuer, keys) = (an_issuer(), key_set(&[es256()]));
        let verified = verify_with(&text, &issuer, &keys).unwrap();
        let key = keys.find(Some("es"), jsonwebtoken::Algorithm::ES256).unwrap();
        let unverified = crate::idp::token::UnverifiedToken::parse(&text).unwrap();
        let token = unverified.verify_signature(&issuer, &key).unwrap().facts();
        let identity = Identity::of(&verified, &issuer).unwrap();
        let asked = a_request()
            .with("/nats/connect_opts/name", "name-15f5")
            .with("/nats/client_info/host", "192.0.2.165")
            .with(
                "/nats/client_tls",
                json!({ "version": "1.3", "cipher": "TLS_AES_128_GCM_SHA256" }),
            )
            .ask();
        let request = request::verify(&asked.message, None, &asked.expected, now()).unwrap();
        let connection = Connection {
            kind: Some(ConnectionType::Standard),
            source: Some("192.0.2.165".parse().unwrap()),
            certificate: true,
            attested: false,
        };
        let wish = Wish {
            roles: Some(["clerk", "answering"].map(|it| it.parse().unwrap()).into()),
            account: Some("APP".parse().unwrap()),
        };
        let facts = Facts { now: now(), expires_at: verified.expires_at(), wish, connection };
        let decision = decide(&policy, &identity, &facts);
        assert!(matches!(decision.outcome(), Outcome::Granted(_)), "{decision:?}");
        let mut latency = Latency::default();
        for step in [Step::Request, Step::Credential, Step::Token, Step::Policy] {
            latency.done(step, Duration::from_millis(1));
        }
        let findings = Findings {
            latency,
            carrier: Some(Carrier::AuthToken),
            fingerprint: Some("hmac-sha256:00112233445566778899aabbccddeeff".to_owned()),
            token: Some(token),
            edge: None,
            certificate: Some([0x16; 32]),
            identity: Some(identity),
            facts: Some(facts),
            decision: Some(decision),
        };
        Self { policy, request, findings }
    }

    fn told(&self, privacy: &Privacy, refusal: Option<&Refusal>) -> Value {
        let attempt = Attempt {
            id: DecisionId::fresh(),
            request: &self.request,
            findings: &self.findings,
            refusal,
            at: now(),
            took: Duration::from_millis(7),
            policy: &self.policy,
            privacy,
        };
        let recorded = Recorded::new(InstanceId::fresh(), &self.policy);
        on_the_stream(&decision(&attempt, refusal.is_some(), recorded).unwrap())
    }
}

fn privacy(omit: &[PersonalField], pseudonymize: &[PersonalField]) -> Privacy {
    let fields = |list: &[PersonalField]| list.iter().copied().collect();
    let personal = PersonalData { omit: fields(omit), pseudonymize: fields(pseudonymize) };
    let extra = crate::claim_path::ClaimPath::from_dotted("extra.deep").unwrap();
    Privacy::new(&[7; 32], personal, vec![extra])
}
