//! What hallpass answers over HTTP, where `[http]` says so: `GET /metrics`, and nothing else.
//!
//! Whoever reaches the address is answered, without authentication. No token and no claim is in
//! the answers.

mod metrics;

use std::{
    future::IntoFuture as _,
    io,
    net::SocketAddr,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
};

use axum::{
    Router,
    extract::State,
    http::{StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse as _, Response},
    routing::get,
};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::{audit::OnItsWay, config::HttpSettings, reload::Maps};

/// Tells how the delivery of audit events stands.
pub type Meter = Box<dyn Fn() -> OnItsWay + Send + Sync>;

/// Of what is told.
#[derive(Clone)]
pub struct Asked {
    /// The subject maps.
    pub maps: Arc<Maps>,
    /// The audit trail, once it is begun; before that nothing is on its way.
    pub trail: Arc<OnceLock<Meter>>,
    /// How many alarms were raised because of a break-glass user.
    pub break_glass: Arc<AtomicU64>,
}

impl std::fmt::Debug for Asked {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Asked").finish_non_exhaustive()
    }
}

/// Why nothing can listen there.
#[derive(Debug, thiserror::Error)]
#[error("`http.listen`: hallpass cannot listen on `{address}`: {error}")]
pub struct ListenError {
    address: SocketAddr,
    error: io::Error,
}

/// Takes the address; who connects waits until [`serve`] runs.
///
/// # Errors
/// Where the address is not this machine's, or is taken, or may not be had.
pub async fn listen(settings: HttpSettings) -> Result<TcpListener, ListenError> {
    let address = settings.listen;
    let failed = |error| ListenError { address, error };
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    tracing::info!(%address, "metrics are served over HTTP");
    Ok(listener)
}

/// Answers until `stop`. What is half asked then is not waited for: the end of hallpass is nobody
/// else's to delay.
pub async fn serve(listener: TcpListener, asked: Asked, stop: CancellationToken) {
    let app = Router::new().route("/metrics", get(metrics)).with_state(asked);
    tokio::select! {
        () = stop.cancelled() => {}
        Err(error) = axum::serve(listener, app).into_future() => {
            tracing::error!(%error, "metrics are served no longer");
        }
    }
}

async fn metrics(State(Asked { maps, trail, break_glass }): State<Asked>) -> Response {
    let trail = trail.get().map(|meter| meter()).unwrap_or_default();
    match metrics::text(&maps.status(), &trail, break_glass.load(Ordering::Relaxed)) {
        Ok(text) => ([(CONTENT_TYPE, metrics::CONTENT_TYPE)], text).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}
