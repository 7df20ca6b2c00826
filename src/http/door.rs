//! Who comes in: connections, each for one request, so many at once and for so long.
//!
//! Anybody may open them and say nothing. Descriptors are then what is used up first, and with
//! them hallpass's own ways to nats-server.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::{rt::TokioIo, service::TowerToHyperService};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    task::{AbortHandle, JoinSet},
    time::{sleep, timeout},
};

/// How many may be connected at once. Probes and scrapes are a handful.
const MOST: usize = 64;
/// How long one may take, from connecting to having read the answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// The largest head of a request, in bytes. A question is a line, but a proxy may add to it.
const LARGEST: usize = 16 * 1024;
/// The pause after a connection that could not be taken.
const PAUSE: Duration = Duration::from_millis(100);

/// Answers whoever comes, for as long as it is polled. Dropped, it ends all connections.
///
/// Where there are too many, the oldest has to go: it has had its time, while whoever comes last
/// may be the probe that decides whether hallpass is restarted.
pub(super) async fn keep(listener: TcpListener, app: Router) {
    let room = Arc::new(Semaphore::new(MOST));
    let (mut inside, mut by_age) = (JoinSet::new(), VecDeque::<AbortHandle>::new());
    loop {
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                // No file descriptors are left, for one.
                tracing::debug!(%error, "a connection could not be taken");
                sleep(PAUSE).await;
                continue;
            }
        };
        while inside.try_join_next().is_some() {}
        by_age.retain(|connection| !connection.is_finished());
        if room.available_permits() == 0 {
            by_age.pop_front().inspect(AbortHandle::abort);
        }
        // Never closed.
        let Ok(permit) = Arc::clone(&room).acquire_owned().await else { return };
        let app = app.clone();
        by_age.push_back(inside.spawn(async move {
            let _ = timeout(PATIENCE, answer(stream, app)).await;
            drop(permit);
        }));
    }
}

/// One request is answered; who has another connects again, so nobody is kept for later.
async fn answer(stream: TcpStream, app: Router) {
    let answered = http1::Builder::new()
        .keep_alive(false)
        .max_buf_size(LARGEST)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(app))
        .await;
    if let Err(error) = answered {
        tracing::debug!(%error, "a question over HTTP was not answered");
    }
}
