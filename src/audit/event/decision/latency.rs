//! How long the steps of a decision took.

use std::time::Duration;

use serde::Serialize;

/// A step that is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Until the request was verified, with the waiting before that.
    Request,
    /// Finding the credential, and reading the client's certificate.
    Credential,
    /// Verifying the token or the certificate, with the waiting for its issuer.
    Token,
    /// Reading who it is, and deciding by the maps.
    Policy,
}

/// The time that each step took, in microseconds; absent where the login did not get past it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Latency {
    #[serde(skip_serializing_if = "Option::is_none")]
    request: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    credential: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    policy: Option<u64>,
    #[serde(skip)]
    measured: Duration,
}

impl Latency {
    /// A step is done; `since` is the time from reading the request until now.
    pub fn done(&mut self, step: Step, since: Duration) {
        let took = micros(since.saturating_sub(self.measured));
        self.measured = since;
        match step {
            Step::Request => self.request = Some(took),
            Step::Credential => self.credential = Some(took),
            Step::Token => self.token = Some(took),
            Step::Policy => self.policy = Some(took),
        }
    }

    /// The steps that were done, and how long each took.
    pub fn steps(&self) -> impl Iterator<Item = (Step, Duration)> {
        let all = [
            (Step::Request, self.request),
            (Step::Credential, self.credential),
            (Step::Token, self.token),
            (Step::Policy, self.policy),
        ];
        all.into_iter().filter_map(|(step, took)| Some((step, Duration::from_micros(took?))))
    }
}

pub(super) fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

pub(super) fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_step_has_its_own_time() {
        let mut latency = Latency::default();
        latency.done(Step::Request, Duration::from_micros(40));
        latency.done(Step::Credential, Duration::from_micros(50));
        latency.done(Step::Token, Duration::from_micros(500));
        let told = serde_json::to_value(&latency).unwrap();
        assert_eq!(told, serde_json::json!({"request": 40, "credential": 10, "token": 450}));
    }
}
