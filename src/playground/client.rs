//! A NATS client as an application would have it, which remembers what the server complains of.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_nats::{Client, ConnectError, ConnectOptions, Event};

/// A connected client.
#[derive(Debug)]
pub struct Visitor {
    /// The client itself.
    pub client: Client,
    complaints: Arc<Mutex<Vec<String>>>,
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
        let complaints = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&complaints);
        let client = options
            .connection_timeout(Duration::from_secs(10))
            .event_callback(move |event| {
                let heard = Arc::clone(&heard);
                async move {
                    if let Event::ServerError(error) = event {
                        heard
                            .lock()
                            .unwrap_or_else(PoisonError::into_inner)
                            .push(error.to_string());
                    }
                }
            })
            .connect(url)
            .await?;
        Ok(Self { client, complaints })
    }

    /// Whether the server has complained about this operation on this subject. A flush ends
    /// when everything is written, so the complaint may take a moment.
    ///
    /// # Errors
    /// Where the connection is lost.
    pub async fn was_refused(&self, subject: &str) -> anyhow::Result<bool> {
        self.client.flush().await?;
        let complained = || {
            let complaints = self.complaints.lock().unwrap_or_else(PoisonError::into_inner);
            complaints.iter().any(|complaint| complaint.contains(subject))
        };
        for _ in 0..100 {
            if complained() {
                return Ok(true);
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(false)
    }
}
