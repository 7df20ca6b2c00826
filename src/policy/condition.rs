//! When a role is held: conditions on the identity and on how it is connected.

use std::{collections::BTreeSet, sync::Arc};

use ipnet::IpNet;
use jiff::Timestamp;
use serde_json::Value;

use super::{
    decide::Facts,
    hours::{Window, open_until},
    template::ClaimValue,
};
use crate::{
    claim_path::ClaimPath,
    code::{Code, Refusal},
    connection::ConnectionType,
    document::Place,
    identity::Who,
};

/// One condition of a role, and where it stands.
#[derive(Debug)]
pub(super) struct Condition {
    pub(super) test: Test,
    pub(super) place: Place,
    /// `file:line`.
    pub(super) at: Arc<str>,
}

#[derive(Debug)]
pub(super) enum Test {
    /// A claim is one of these values, or a list that has one of them.
    Claim(Arc<ClaimValue>, Vec<Value>),
    ConnectionTypes(BTreeSet<ConnectionType>),
    Sources(Vec<IpNet>),
    Hours(Vec<Window>),
    Certificate,
    Edge,
}

/// Why a condition is not met. Holds no claim value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Unmet {
    /// The role is not held.
    Not(String),
    /// The role is not held, because no edge attested the connection.
    NoEdge,
    /// Whether it is held cannot be told: nobody is let in without the roles that deny.
    Unreadable(Refusal),
}

impl Condition {
    /// Until when it is met, where that has an end.
    pub(super) fn judge(&self, who: &Who, facts: &Facts) -> Result<Option<Timestamp>, Unmet> {
        let connection = &facts.connection;
        let met = |met: bool, why: &str| {
            if met { Ok(None) } else { Err(Unmet::Not(why.to_owned())) }
        };
        match &self.test {
            Test::Claim(claim, values) => self.claim(claim, values, who),
            Test::ConnectionTypes(kinds) => met(
                connection.kind.is_some_and(|kind| kinds.contains(&kind)),
                "another connection type is asked for",
            ),
            Test::Sources(networks) => match connection.source {
                None => met(false, "the client's own address is not known"),
                Some(source) => met(
                    networks.iter().any(|network| network.contains(&source)),
                    "the client's address is in none of the networks",
                ),
            },
            Test::Hours(windows) => match open_until(windows, facts.now) {
                Some(until) => Ok(Some(until)),
                None => Err(Unmet::Not("it is outside the hours".to_owned())),
            },
            Test::Certificate => {
                met(connection.certificate, "a certificate is asked for, and none was verified")
            }
            Test::Edge if connection.attested => Ok(None),
            Test::Edge => Err(Unmet::NoEdge),
        }
    }

    fn claim(
        &self,
        claim: &ClaimValue,
        values: &[Value],
        who: &Who,
    ) -> Result<Option<Timestamp>, Unmet> {
        let unreadable = || {
            let detail = format!("the claim `{}` for a condition at {}", claim.path, self.at);
            let detail =
                Some(format!("{detail} is neither a text, a whole number nor true or false"));
            Unmet::Unreadable(Refusal { code: Code::ClaimUnusable, detail })
        };
        let scalar = |value: &Value| match value {
            Value::String(_) | Value::Bool(_) => true,
            Value::Number(number) => number.is_i64() || number.is_u64(),
            _ => false,
        };
        let is_one = match claim.path.find(&who.claims) {
            None if claim.path.is_blocked(&who.claims) => return Err(unreadable()),
            None => match &claim.default {
                None => return Err(Unmet::Not(format!("the claim `{}` is absent", claim.path))),
                Some(default) => values.iter().any(|value| value == default.as_str()),
            },
            Some(Value::Array(items)) => {
                if !items.iter().all(scalar) {
                    return Err(unreadable());
                }
                items.iter().any(|item| values.contains(item))
            }
            Some(value) if scalar(value) => values.contains(value),
            Some(_) => return Err(unreadable()),
        };
        if is_one {
            Ok(None)
        } else {
            Err(Unmet::Not(format!("the claim `{}` has another value", claim.path)))
        }
    }

    /// The claim that it reads, where it reads one.
    pub(super) fn claim_path(&self) -> Option<&ClaimPath> {
        match &self.test {
            Test::Claim(claim, _) => Some(&claim.path),
            _ => None,
        }
    }

    /// What is asked for, in words.
    pub(super) fn describe(&self) -> String {
        let list = |items: Vec<String>| items.join(", ");
        match &self.test {
            Test::Claim(claim, values) => {
                let values = values.iter().map(Value::to_string).collect();
                format!("claim `{}` is one of {}", claim.path, list(values))
            }
            Test::ConnectionTypes(kinds) => {
                format!("connection type {}", list(kinds.iter().map(ToString::to_string).collect()))
            }
            Test::Sources(networks) => {
                format!("from {}", list(networks.iter().map(ToString::to_string).collect()))
            }
            Test::Hours(windows) => list(windows.iter().map(ToString::to_string).collect()),
            Test::Certificate => "with a certificate".to_owned(),
            Test::Edge => "through an attested edge".to_owned(),
        }
    }
}
