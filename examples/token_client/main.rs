//! A NATS client that logs in with an IdP's token and stays connected.
//!
//! It gets an access token (OAuth client_credentials, found by OpenID discovery), connects with
//! it, listens on a subject and publishes ticks on it. hallpass lets a connection live no longer
//! than its token, so the server ends it when the token expires; the client then comes back with
//! a fresh one. `examples/python/client.py` is the same in Python.
//!
//! ```sh
//! export OIDC_CLIENT_SECRET=...
//! cargo run --example token_client -- --url nats://127.0.0.1:4222 \
//!     --issuer https://idp.example/realms/main --client-id clerk --subject orders.acme.created
//! ```
//!
//! What is worth copying:
//!
//! - The token comes from a callback, which async-nats calls for every attempt to connect.
//!   `with_token` would show the first token for ever.
//! - The server waits for CONNECT while the callback runs, two seconds by default. So a token is
//!   kept: where the IdP takes longer, this attempt is lost, and the next one has a token at once.
//! - A token that was refused, or whose time was up, is not shown again: a new one may be the
//!   cure. One that is good still is: a restarted server must not send its whole fleet to the IdP.
//! - It never gives up. A client learns `Authorization Violation` and no more, be it that it may
//!   not come in or that nobody could tell at the moment. async-nats tries for ever unless
//!   `max_reconnects` is set, the first time only with `retry_on_initial_connect`. (nats.go and
//!   the JavaScript client give up after two such errors in a row unless told otherwise:
//!   `IgnoreAuthErrorAbort`, `ignoreAuthErrorAbort`.)
//! - Waiting grows with each failure and is random, so that a fleet that lost its server together
//!   does not come back in step.
//!
//! Core NATS does not keep what is published while a subscriber is away. What must not be lost
//! belongs into a JetStream stream.
#![expect(clippy::print_stdout, unreachable_pub, reason = "it prints, and nobody imports it")]

mod tokens;

use std::{
    sync::{Arc, Mutex, PoisonError, atomic::Ordering::Relaxed},
    time::Duration,
};

use async_nats::{
    Auth, AuthError, ClientError, ConnectErrorKind, ConnectOptions, Event, ServerError,
    connection::State,
};
use clap::Parser;
use futures_util::StreamExt as _;
use tokio::time::{MissedTickBehavior, interval, timeout};

use tokens::{Failure, IdpOptions, Tokens, reason};

/// Longer than the IdP may take: the callback counts as part of connecting.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);
const DRAIN_TIMEOUT: Duration = Duration::from_secs(5);
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// Listens on a subject and publishes ticks on it, with tokens of an IdP.
#[derive(Parser)]
struct Options {
    #[arg(long, env = "NATS_URL", default_value = "nats://127.0.0.1:4222")]
    url: String,
    #[command(flatten)]
    idp: IdpOptions,
    /// To listen and to publish on.
    #[arg(long)]
    subject: String,
    /// Publish nothing.
    #[arg(long)]
    listen_only: bool,
    /// Seconds between two ticks.
    #[arg(long, default_value_t = 1.0)]
    interval: f64,
    /// End after this many messages.
    #[arg(long)]
    ticks: Option<u64>,
}

/// Between half and all of a time that doubles with each attempt. async-nats counts attempts
/// from the last connection on; the first one waits too, lest a client that is let in and thrown
/// out at once should hammer the server.
fn wait(attempt: usize) -> Duration {
    let doubled = Duration::from_millis(250) * (1 << attempt.min(10));
    doubled.min(LONGEST_WAIT).mul_f64(0.5 + fastrand::f64() / 2.0)
}

/// Says what happens to the connection, and sees to it that a useless token is not shown again.
async fn on_event(tokens: Arc<Tokens>, last_error: Arc<Mutex<Option<String>>>, event: Event) {
    let shown = tokens.newest();
    let spend = || shown.iter().for_each(|token| token.spent.store(true, Relaxed));
    let number = shown.as_ref().map_or(0, |token| token.number);
    let mut last_error = last_error.lock().unwrap_or_else(PoisonError::into_inner);
    match event {
        Event::Connected => shown.iter().for_each(|token| println!("connected ({token})")),
        Event::Disconnected => {
            println!("disconnected: {}", last_error.take().as_deref().unwrap_or("by the server"));
        }
        Event::ServerError(ServerError::Other(text)) if text.contains("Authentication Expired") => {
            spend();
            *last_error = Some(text);
        }
        // Above all a subject that is not permitted.
        Event::ServerError(error) => println!("error: {error}"),
        // Why an attempt to connect failed is told by kind, as text.
        Event::ClientError(ClientError::Other(kind)) => {
            if kind == ConnectErrorKind::AuthorizationViolation.to_string() {
                spend();
                println!("refused (token {number})");
            } else if kind != ConnectErrorKind::Authentication.to_string() {
                println!("no connection: {kind}"); // the callback has told of the other one
            }
        }
        _ => {}
    }
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let options = Options::parse();
    let tokens = Arc::new(Tokens::new(options.idp)?);
    let (giver, listener) = (Arc::clone(&tokens), Arc::clone(&tokens));
    let last_error = Arc::default();
    let client = ConnectOptions::with_auth_callback(move |_nonce| {
        // A task, for a future that async-nats can use must be `Sync`, and few are.
        let tokens = Arc::clone(&giver);
        let token = tokio::spawn(async move { tokens.get().await });
        async move {
            let mut auth = Auth::new();
            match token.await.map_err(AuthError::new)? {
                Ok(token) => auth.token = Some(token.value.clone()),
                Err(error) => {
                    println!("no token: {}", reason(&*error));
                    return Err(AuthError::new(error));
                }
            }
            Ok(auth)
        }
    })
    .name("hallpass example (Rust)")
    .connection_timeout(CONNECT_TIMEOUT)
    .retry_on_initial_connect()
    .reconnect_delay_callback(wait)
    .event_callback(move |event| on_event(Arc::clone(&listener), Arc::clone(&last_error), event))
    .connect(&options.url)
    .await?;

    // A subscription outlives its connection: async-nats makes it anew on the next one.
    let mut messages = client.subscribe(options.subject.clone()).await?;
    let (mut published, mut received) = (0_u64, 0_u64);
    let mut clock =
        interval(Duration::try_from_secs_f64(options.interval)?.max(Duration::from_millis(1)));
    clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let stop = stop();
    tokio::pin!(stop);
    while options.ticks.is_none_or(|ticks| received < ticks) {
        tokio::select! {
            () = &mut stop => break,
            Some(message) = messages.next() => {
                received += 1;
                println!("received {}: {}", message.subject, String::from_utf8_lossy(&message.payload));
            }
            // Without a connection async-nats would keep ticks for later, until it has no more
            // room for them and makes us wait.
            _ = clock.tick(), if !options.listen_only => {
                if client.connection_state() == State::Connected {
                    published += 1;
                    client.publish(options.subject.clone(), format!("tick {published}").into()).await?;
                }
            }
        }
    }
    // What was published goes out first. Without a connection that would wait for one.
    if client.connection_state() == State::Connected {
        client.drain().await?;
        let drained = async { while messages.next().await.is_some() {} };
        let _ = timeout(DRAIN_TIMEOUT, drained).await;
    }
    println!("stopped");
    Ok(())
}

/// Waits for Ctrl-C or for what a service manager sends.
async fn stop() {
    #[cfg(unix)]
    let terminate = async {
        use tokio::signal::unix::{SignalKind, signal};
        match signal(SignalKind::terminate()) {
            Ok(mut signal) => drop(signal.recv().await),
            Err(_) => std::future::pending().await,
        }
    };
    #[cfg(not(unix))]
    let terminate = std::future::pending::<()>();
    tokio::select! {
        () = terminate => {}
        _ = tokio::signal::ctrl_c() => {}
    }
}
