//! From what is known of a way into NATS to what HAProxy is told of it (`agent-check` in its
//! configuration manual). Pure.
//!
//! The words: `up` and `down` are the server's operation, `ready` and `drain` what an
//! administrator would set, and a percentage is that of the server's own weight. What a word does
//! only another one undoes: so each answer has one of each pair.

use std::{fmt, time::Duration};

use crate::health::{Health, judge::Input};

/// After so long a connection that is lost counts as a server that is away. A reconnect takes a
/// moment, and `down` can end the sessions that are there (`on-marked-down shutdown-sessions`).
pub const LOST: Duration = Duration::from_secs(2);
/// So many questions in vain, of two seconds each, and the server counts as away.
pub const IN_VAIN: u32 = 2;

/// What is known of the connection to a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// Nobody knows yet.
    Unknown,
    /// It was not to be had for so long.
    Lost(Duration),
    /// It is there, and so many questions in a row had no answer.
    There {
        /// How many.
        in_vain: u32,
    },
}

/// What is known of one way into NATS: a server, and the replicas of hallpass that answer through
/// it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Path {
    /// The connection.
    pub reach: Reach,
    /// The newest round trip to the server.
    pub round_trip: Option<Duration>,
    /// How the replicas do that answer through it.
    pub replicas: Vec<Health>,
    /// What is known of it by other ways.
    pub elsewhere: Elsewhere,
    /// Whether the server is about to stop, and takes no more clients (lame duck mode).
    pub leaving: bool,
    /// Whether all that answer have had their time for that.
    pub settled: bool,
}

/// What is known of a server that this instance may not reach itself.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Elsewhere {
    /// The best percentage of those ready replicas that reach it, as far as they can be heard.
    pub best: Option<u8>,
    /// Whether a ready replica that can be heard has lost it as well.
    pub missed: bool,
}

/// What HAProxy is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// Nothing: what it knows stays as it is.
    NoNews,
    /// Nobody can use the server.
    Down(&'static str),
    /// Nobody can log in; who is in can stay.
    Drain,
    /// People can log in; so many percent of the server's weight.
    Ready(u8),
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoNews => Ok(()),
            // HAProxy 2.6 knows no word `down#…`, whatever its manual says.
            Self::Down(why) => writeln!(f, "down #{why}"),
            // Without `up` a server that was told to be down would stay so.
            Self::Drain => writeln!(f, "up drain"),
            Self::Ready(percent) => writeln!(f, "ready up {percent}%"),
        }
    }
}

impl Path {
    /// What HAProxy is told of it.
    #[must_use]
    pub fn answer(&self) -> Answer {
        match self.reach {
            Reach::Unknown => return Answer::NoNews,
            // It ends connections one by one, and hallpass's may be the first.
            _ if self.leaving => return Answer::Drain,
            Reach::Lost(since) if since >= LOST => {
                return self.unreached("hallpass has no connection to nats-server");
            }
            Reach::There { in_vain } if in_vain >= IN_VAIN => {
                return self.unreached("nats-server does not answer hallpass");
            }
            Reach::Lost(_) | Reach::There { .. } => {}
        }
        let ready = self.replicas.iter().filter(|replica| replica.ready);
        let Some(best) = ready.map(|replica| replica.percent).max() else {
            return if self.settled { Answer::Drain } else { Answer::NoNews };
        };
        let own = match self.reach {
            Reach::Lost(_) => Input::Nats.scale().floor,
            _ => self.round_trip.map_or(100, |took| Input::Nats.score(took)),
        };
        Answer::Ready(best.min(own).clamp(1, 100))
    }

    /// Of a server that this instance does not reach. It may be this instance that is cut off, while
    /// others serve there all the same: only what another one sees as well is told as `down`. The
    /// rest is left to HAProxy's own check, which goes by HAProxy's own way.
    fn unreached(&self, why: &'static str) -> Answer {
        match self.elsewhere.best {
            Some(best) => Answer::Ready(best.min(Input::Nats.scale().floor).clamp(1, 100)),
            None if self.elsewhere.missed => Answer::Down(why),
            None => Answer::NoNews,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL_WELL: Reach = Reach::There { in_vain: 0 };

    fn replica(ready: bool, percent: u8) -> Health {
        Health { ready, percent, ..Health::untold() }
    }

    fn path(reach: Reach, replicas: &[Health]) -> Path {
        let round_trip = Some(Duration::from_millis(1));
        Path {
            reach,
            round_trip,
            replicas: replicas.to_vec(),
            elsewhere: Elsewhere { best: None, missed: true },
            leaving: false,
            settled: true,
        }
    }

    fn told(path: &Path) -> String {
        path.answer().to_string()
    }

    #[test]
    fn the_best_ready_replica_and_the_round_trip_make_the_percentage() {
        let two = [replica(true, 40), replica(true, 70)];
        assert_eq!(told(&path(ALL_WELL, &two)), "ready up 70%\n");
        let slow = Path { round_trip: Some(Duration::from_millis(275)), ..path(ALL_WELL, &two) };
        assert_eq!(told(&slow), "ready up 55%\n");
        let away = Path { round_trip: Some(Duration::from_secs(9)), ..path(ALL_WELL, &two) };
        assert_eq!(told(&away), "ready up 10%\n");
        assert_eq!(told(&path(ALL_WELL, &[replica(true, 0)])), "ready up 1%\n", "0% would drain");
        assert_eq!(told(&path(ALL_WELL, &[replica(true, 200)])), "ready up 100%\n");
        let untold = Path { round_trip: None, ..path(ALL_WELL, &two) };
        assert_eq!(told(&untold), "ready up 70%\n");
    }

    #[test]
    fn a_replica_that_goes_takes_no_server_with_it() {
        let (going, staying) = (replica(false, 0), replica(true, 90));
        assert_eq!(told(&path(ALL_WELL, &[going.clone(), staying])), "ready up 90%\n");
        assert_eq!(told(&path(ALL_WELL, &[going])), "up drain\n");
        assert_eq!(told(&path(ALL_WELL, &[])), "up drain\n", "sessions need no hallpass");
    }

    #[test]
    fn a_server_that_is_away_is_down_and_a_moment_is_nothing() {
        let one = [replica(true, 100)];
        let lost = |millis| path(Reach::Lost(Duration::from_millis(millis)), &one);
        assert_eq!(told(&lost(1999)), "ready up 10%\n");
        assert_eq!(told(&lost(2000)), "down #hallpass has no connection to nats-server\n");
        let in_vain = |in_vain| path(Reach::There { in_vain }, &one);
        assert_eq!(told(&in_vain(1)), "ready up 100%\n");
        assert_eq!(told(&in_vain(2)), "down #nats-server does not answer hallpass\n");
    }

    #[test]
    fn a_server_that_leaves_has_no_new_clients() {
        let leaving = Path { leaving: true, ..path(ALL_WELL, &[replica(true, 100)]) };
        assert_eq!(told(&leaving), "up drain\n");
        let gone = Path { reach: Reach::Lost(LOST), ..leaving };
        assert_eq!(told(&gone), "up drain\n", "others may still be there");
    }

    #[test]
    fn who_is_cut_off_takes_no_server_down_that_others_reach() {
        let lost = |elsewhere| {
            let reach = Reach::Lost(Duration::from_secs(9));
            told(&Path { elsewhere, ..path(reach, &[]) })
        };
        let nobody = Elsewhere::default();
        assert_eq!(lost(nobody), "", "nobody knows who is cut off");
        let away = "down #hallpass has no connection to nats-server\n";
        assert_eq!(lost(Elsewhere { missed: true, ..nobody }), away, "two say so");
        let reached = Elsewhere { best: Some(80), missed: true };
        assert_eq!(lost(reached), "ready up 10%\n", "others serve there");
        let silent = path(Reach::There { in_vain: 2 }, &[replica(true, 100)]);
        assert_eq!(told(&Path { elsewhere: nobody, ..silent }), "");
    }

    #[test]
    fn what_nobody_knows_yet_is_not_told() {
        assert_eq!(told(&path(Reach::Unknown, &[replica(true, 100)])), "");
        let early = Path { settled: false, ..path(ALL_WELL, &[]) };
        assert_eq!(told(&early), "");
        let early = Path { replicas: vec![replica(true, 80)], ..early };
        assert_eq!(told(&early), "ready up 80%\n");
    }
}
