//! A NATS client as an application would have it, which remembers what the server complains of.

use std::{fmt, time::Duration};

use async_nats::{Client, ConnectError, ConnectOptions, Event};
use tokio::sync::watch;

/// A complaint comes a moment after what caused it, or not at all.
const COMPLAINT: Duration = Duration::from_secs(2);

/// What the server may refuse.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// Publishing.
    Publish,
    /// Subscribing.
    Subscribe,
}

impl fmt::Display for Operation {
    /// As nats-server calls it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Publish => "Publish",
            Self::Subscribe => "Subscription",
        })
    }
}

/// A connected client.
#[derive(Debug)]
pub struct Visitor {
    /// The client itself.
    pub client: Client,
    complaints: watch::Receiver<Vec<String>>,
}

impl Visitor {
    /// Logs in with a token.
    ///
    /// # Errors
    /// Where the server does not let it in.
    pub async fn log_in(url: &str, name: &str, token: &str) -> Result<Self, ConnectError> {
        Self::connect(url, ConnectOptions::with_token(token.to_owned()).name(name)).await
    }

    /// Logs in with whatever the options say.
    ///
    /// # Errors
    /// Where the server does not let it in.
    pub async fn connect(url: &str, options: ConnectOptions) -> Result<Self, ConnectError> {
        let (heard, complaints) = watch::channel(Vec::new());
        let client = options
            .connection_timeout(Duration::from_secs(10))
            .event_callback(move |event| {
                if let Event::ServerError(error) = event {
                    heard.send_modify(|complaints: &mut Vec<String>| {
                        complaints.push(error.to_string());
                    });
                }
                std::future::ready(())
            })
            .connect(url)
            .await?;
        Ok(Self { client, complaints })
    }

    /// Whether the server has refused, or is about to refuse, this operation on this subject.
    pub async fn was_refused(&self, operation: Operation, subject: &str) -> bool {
        // `Permissions Violation for Subscription to "a.b" using queue "q"`
        let refusal = format!("permissions violation for {operation} to \"{subject}\"");
        let refused = |complaints: &Vec<String>| {
            complaints
                .iter()
                .any(|complaint| complaint.to_lowercase().contains(&refusal.to_lowercase()))
        };
        let mut complaints = self.complaints.clone();
        let outcome = tokio::time::timeout(COMPLAINT, complaints.wait_for(refused)).await;
        matches!(outcome, Ok(Ok(_)))
    }
}
