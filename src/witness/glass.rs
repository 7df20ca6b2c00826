//! Users whose login is worth an alarm: somebody got in past hallpass.
//!
//! A server tells of each login as it happens, and whoever listens raises the alarm. While nobody
//! listens they are not missed: a server remembers its open connections, and the last of those
//! that ended. It is asked once hallpass listens, whenever the connection was lost and came back,
//! and from time to time, since what was on its way may be lost. The audit stream says which
//! alarms were raised, so no clock has to be right for that.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use async_nats::Client;
use futures_util::StreamExt as _;
use tokio::time::{Instant, interval, timeout};
use tokio_util::sync::CancellationToken;

use super::{Witness, now};
use crate::{
    audit::{AlarmsTold, event::AlarmEvent},
    callout::{
        advisory::{About, Advisory},
        connz::{self, Page},
    },
    printable,
};

/// How often it is looked whether there is a reason to ask.
const TICK: Duration = Duration::from_millis(500);
/// Without another reason, servers are asked as often as this.
const AGAIN: Duration = Duration::from_secs(300);
/// How long after another an answer may come, where it is not known how many servers there are.
/// What is heard of meanwhile as it happens is not told as found.
const QUIET: Duration = Duration::from_secs(2);
/// How long one page may take, of all servers.
const PATIENCE: Duration = Duration::from_secs(10);
/// How many connections of one user are looked at on each server: twice those that ended and are
/// remembered by default.
const MOST: usize = 20_000;
/// How many alarms are remembered as raised.
const REMEMBERED: usize = 65_536;
/// The characters of what others chose that are logged.
const LONGEST: usize = 128;

/// Whose logins are worth an alarm, and what becomes of alarms.
#[derive(Debug, Clone)]
pub struct Glass {
    /// Their public nkeys.
    pub users: BTreeSet<String>,
    /// What the audit stream has of alarms.
    pub told: AlarmsTold,
    /// Counts them.
    pub raised: Arc<AtomicU64>,
}

/// Where a connection is: what tells connections apart, `server_id/client_id`.
fn place(login: &Advisory) -> String {
    format!("{}/{}", login.server.id, login.client.id)
}

/// Raises alarms, each once.
pub(super) struct Bell {
    witness: Witness,
    users: BTreeSet<String>,
    raised: Arc<AtomicU64>,
    told: Mutex<Told>,
}

/// The places of which an alarm was raised, the last of them.
#[derive(Default)]
struct Told {
    places: BTreeSet<String>,
    order: VecDeque<String>,
}

impl Told {
    /// `false` where it was there already.
    fn add(&mut self, place: String) -> bool {
        if !self.places.insert(place.clone()) {
            return false;
        }
        self.order.push_back(place);
        if self.order.len() > REMEMBERED {
            self.order.pop_front().inspect(|oldest| {
                self.places.remove(oldest);
            });
        }
        true
    }
}

impl Bell {
    pub(super) fn new(witness: Witness, glass: &Glass) -> Self {
        let (users, raised) = (glass.users.clone(), Arc::clone(&glass.raised));
        Self { witness, users, raised, told: Mutex::default() }
    }

    /// Raises the alarm where this is such a login.
    pub(super) fn hears(&self, advisory: &Advisory) {
        let user = advisory.client.user.as_ref();
        if advisory.about == About::Connect && user.is_some_and(|it| self.users.contains(it)) {
            self.ring(advisory, false);
        }
    }

    fn told(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The alarm about this connection was raised, here or elsewhere.
    fn knows(&self, place: String) {
        self.told().add(place);
    }

    fn ring(&self, login: &Advisory, found: bool) {
        if !self.told().add(place(login)) {
            return;
        }
        self.raised.fetch_add(1, Ordering::Relaxed);
        let client = &login.client;
        let text = |text: &str| printable::shortened(text, LONGEST);
        tracing::error!(
            user = client.user.as_deref().map(text),
            account = text(&client.account),
            from = text(&client.host),
            server = text(&login.server.name),
            server_id = text(&login.server.id),
            client = client.id,
            since = client.start.map(|at| at.to_string()),
            until = client.stop.map(|at| at.to_string()),
            "alarm: a break-glass user logged in, past hallpass{}",
            if found { ", and nobody here heard of it then" } else { "" }
        );
        self.witness.alarm(AlarmEvent { login, found, at: now() });
    }
}

/// Finds logins that nobody heard of, until `stop`.
pub(super) async fn look_out(client: &Client, glass: Glass, bell: &Bell, stop: &CancellationToken) {
    if glass.users.is_empty() {
        return;
    }
    let looking = async {
        let Glass { users, mut told, .. } = glass;
        let statistics = client.statistics();
        let (mut ticks, mut last, mut complained) = (interval(TICK), None, false);
        loop {
            ticks.tick().await;
            let connects = statistics.connects.load(Ordering::Relaxed);
            let reason = reason(last, connects, Instant::now());
            if reason == Reason::None {
                continue;
            }
            last = Some((connects, Instant::now()));
            let mut servers = 0;
            for user in &users {
                servers = look(client, user, &mut told, bell).await.max(servers);
            }
            if servers == 0 && !complained {
                tracing::error!(
                    "no server says who logged in while hallpass did not listen: a break-glass \
                     login then raises no alarm"
                );
            } else if reason == Reason::Connection && servers > 0 {
                tracing::info!(servers, "asked for break-glass logins that nobody heard of");
            }
            complained = servers == 0;
        }
    };
    tokio::select! {
        () = looking => {}
        () = stop.cancelled() => {}
    }
}

/// Why servers are asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reason {
    /// They are not.
    None,
    /// There is a connection that was not there when they were last asked.
    Connection,
    /// That was long ago.
    Time,
}

/// `last` has how many connections there had been when servers were last asked, and when.
fn reason(last: Option<(u64, Instant)>, connects: u64, now: Instant) -> Reason {
    match last {
        Some((then, _)) if then != connects => Reason::Connection,
        Some((_, at)) if now.duration_since(at) >= AGAIN => Reason::Time,
        Some(_) => Reason::None,
        None => Reason::Connection,
    }
}

/// Asks all servers about a user and raises what alarms there are to raise; returns how many
/// servers answered.
///
/// Those of a page are raised before the next is asked for: no alarm waits for thousands of
/// others, and no more than a page of each server is held.
async fn look(client: &Client, user: &str, told: &mut AlarmsTold, bell: &Bell) -> usize {
    let (mut servers, mut looked_up) = (BTreeSet::new(), false);
    for offset in (0..MOST).step_by(connz::PAGE) {
        let pages = pages(client, user, offset, &servers).await;
        servers.extend(pages.keys().cloned());
        let has_more = pages.values().any(|page| page.has_more);
        let mut found: Vec<_> = pages.into_values().flat_map(|page| page.logins).collect();
        if !found.is_empty() && !looked_up {
            looked_up = true;
            let known = told.read(|place| bell.knows(place.to_owned())).await;
            if let Err(error) = known {
                // Told twice, rather than not at all.
                tracing::debug!(%error, "which alarms were raised is not known");
            }
        }
        found.sort_by_key(|login| login.at);
        found.iter().for_each(|login| bell.ring(login, true));
        if !has_more {
            break;
        }
    }
    servers.len()
}

/// A page of each server. `expected` are servers that are there for certain: once these have
/// answered there is nothing to wait for.
async fn pages(
    client: &Client,
    user: &str,
    offset: usize,
    expected: &BTreeSet<String>,
) -> BTreeMap<String, Page> {
    let mut pages = BTreeMap::new();
    let asking = async {
        let inbox = client.new_inbox();
        let question = connz::question(user, offset).ok()?;
        let mut answers = client.subscribe(inbox.clone()).await.ok()?;
        client.publish_with_reply(connz::SUBJECT, inbox, question.into()).await.ok()?;
        let is_whole = |pages: &BTreeMap<String, Page>| {
            !expected.is_empty() && expected.iter().all(|server| pages.contains_key(server))
        };
        while !is_whole(&pages) {
            let patience = if pages.is_empty() { PATIENCE } else { QUIET };
            let answer = timeout(patience, answers.next()).await.ok()??;
            match Page::read(&answer.payload, user) {
                Ok(page) => drop(pages.insert(page.server_id.clone(), page)),
                Err(error) => tracing::debug!(%error, "a message of a server was passed over"),
            }
        }
        Some(())
    };
    // However many servers there are, they come to an end.
    let _ = timeout(PATIENCE, asking).await;
    pages
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_are_asked_by_each_connection_and_from_time_to_time() {
        let began = Instant::now();
        assert_eq!(reason(None, 1, began), Reason::Connection);
        let last = Some((1, began));
        assert_eq!(reason(last, 1, began + AGAIN - TICK), Reason::None);
        assert_eq!(reason(last, 1, began + AGAIN), Reason::Time);
        assert_eq!(reason(last, 2, began), Reason::Connection);
    }

    #[test]
    fn what_was_told_is_known_until_there_is_too_much_of_it() {
        let mut told = Told::default();
        assert!(told.add("NX/1".to_owned()));
        assert!(!told.add("NX/1".to_owned()));
        for client in 2..=REMEMBERED + 1 {
            assert!(told.add(format!("NX/{client}")));
        }
        assert!(told.add("NX/1".to_owned()), "the oldest is forgotten");
        assert_eq!((told.places.len(), told.order.len()), (REMEMBERED, REMEMBERED));
    }
}
