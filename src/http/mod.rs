//! What hallpass answers over HTTP, where `[http]` says so: `GET /livez`, `GET /readyz` and
//! `GET /metrics`, and nothing else.
//!
//! Whoever reaches the address is answered, without authentication. No token and no claim is in
//! the answers. How many may ask at once, and for how long, is bounded.

mod door;
mod metrics;

use std::{io, net::SocketAddr, sync::Arc};

use axum::{
    Json, Router,
    extract::State,
    http::{StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse as _, Response},
    routing::get,
};
use serde::Serialize;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::{
    config::HttpSettings,
    health::{Health, Reason, Vitals},
    reload::Maps,
};

/// Of what is told.
#[derive(Debug, Clone)]
pub struct Asked {
    /// The subject maps.
    pub maps: Arc<Maps>,
    /// Everything that is measured.
    pub vitals: Arc<Vitals>,
}

/// Why nothing can listen there.
#[derive(Debug, thiserror::Error)]
#[error("`{setting}`: hallpass cannot listen on `{address}`: {error}")]
pub struct ListenError {
    /// The setting that names the address.
    pub setting: &'static str,
    /// The address.
    pub address: SocketAddr,
    /// What the system says.
    pub error: io::Error,
}

/// Takes the address; who connects waits until [`serve`] runs.
///
/// # Errors
/// Where the address is not this machine's, or is taken, or may not be had.
pub async fn listen(settings: HttpSettings) -> Result<TcpListener, ListenError> {
    let address = settings.listen;
    let failed = |error| ListenError { setting: "http.listen", address, error };
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    tracing::info!(%address, "metrics are served over HTTP");
    Ok(listener)
}

/// Answers until `stop`. What is half asked then is not waited for: the end of hallpass is nobody
/// else's to delay.
pub async fn serve(listener: TcpListener, asked: Asked, stop: CancellationToken) {
    let app = Router::new()
        .route("/livez", get(live))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .with_state(asked);
    tokio::select! {
        () = stop.cancelled() => {}
        () = door::keep(listener, app) => {}
    }
}

/// What runs can answer; whether it can do anything else is asked at `/readyz`.
async fn live() -> &'static str {
    "live\n"
}

/// The answer of `/readyz`.
#[derive(Serialize)]
struct Readiness {
    #[serde(flatten)]
    health: Health,
    /// A sentence for each of the reasons.
    why: Vec<&'static str>,
}

async fn ready(State(Asked { vitals, .. }): State<Asked>) -> Response {
    let health = vitals.health();
    let status = if health.ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let reasons = Reason::ALL.into_iter();
    let holds = reasons.filter(|reason| health.reasons.iter().any(|word| word == reason.word()));
    let why = holds.map(Reason::meaning).collect();
    (status, Json(Readiness { health, why })).into_response()
}

async fn metrics(State(asked): State<Asked>) -> Response {
    match metrics::text(&asked) {
        Ok(text) => ([(CONTENT_TYPE, metrics::CONTENT_TYPE)], text).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}
