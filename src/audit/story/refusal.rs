//! Why somebody was kept out, and where to look.

use super::Told;
use crate::code::{Code, Stage};

pub(super) fn why(told: Told<'_>) -> Vec<String> {
    let Some(text) = told.text("/data/code") else { return Vec::new() };
    let Some(code) = Code::ALL.iter().find(|it| it.as_str() == text) else {
        return vec![format!("The code is `{text}`, which this hallpass does not know.")];
    };
    let mut sentences = vec![format!("`{code}`: {}", code.meaning())];
    if let Some(detail) = told.text("/data/detail") {
        let end = if detail.ends_with('.') { "" } else { "." };
        sentences.push(format!("More exactly: {detail}{end}"));
    }
    sentences.push(format!("Look at {}", look_at(*code)));
    sentences
}

fn look_at(code: Code) -> &'static str {
    match (code, code.stage()) {
        (Code::IssuerUnknown, _) => {
            "the token's `iss`, and at the issuers of the configuration: `hallpass issuers status` \
             names them."
        }
        (Code::RolesClaimEmpty | Code::NoRole, _) => {
            "the roles that the issuer puts into the token, and at `idp_roles` in the subject maps: \
             `hallpass explain --token -` shows both."
        }
        (_, Stage::Request) => {
            "the `auth_callout` of the server's configuration: its keys must be those that hallpass \
             has."
        }
        (_, Stage::Credential) => {
            "how the client logs in: the token goes into `auth_token`, or into the password."
        }
        (_, Stage::Edge) => {
            "the edge: its key and its clock, and that clients come through it and do not fill the \
             user name themselves."
        }
        (_, Stage::Certificate) => {
            "the client's certificate, and at the issuers of certificates in the configuration."
        }
        (_, Stage::Token) => "the token itself: `hallpass token verify` judges it check by check.",
        (_, Stage::Keys) => {
            "the issuer: `hallpass issuers status` says which keys every instance has."
        }
        (_, Stage::Identity) => {
            "the claims of the token, and at the issuer's settings for them: `hallpass token verify` \
             shows what is read."
        }
        (_, Stage::Policy) => {
            "the subject maps: `hallpass explain --token -` shows what they give, and why not more."
        }
        (_, Stage::Audit) => "the audit stream: did JetStream take events then?",
        (_, Stage::Responder) => {
            "hallpass's own log of that moment: this says nothing about who logged in."
        }
    }
}
