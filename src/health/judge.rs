//! From what was measured to what it means. Pure.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// How an instance does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    /// Whether it decides logins, and lets in whom it should.
    pub ready: bool,
    /// How much of its usual share of the logins it should have: 1 to 100, 0 while it is not ready.
    pub percent: u8,
    /// Why it is not ready, as the words of [`Reason`].
    #[serde(default)]
    pub reasons: Vec<String>,
    /// What is slower than it should be, as the words of [`Input`].
    #[serde(default)]
    pub slow: Vec<String>,
}

impl Health {
    /// As an instance is taken that does not tell: an older version that answers.
    #[must_use]
    pub fn untold() -> Self {
        Self { ready: true, percent: 100, reasons: Vec::new(), slow: Vec::new() }
    }
}

/// Why an instance is not ready.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// It does not answer logins yet.
    Starting,
    /// It takes no more logins.
    Stopping,
    /// There is no connection to nats-server.
    NatsAway,
    /// nats-server does not let it take logins.
    NotSubscribed,
    /// No issuer has keys that are believed.
    NoKeys,
    /// JetStream does not acknowledge, and events must be there (`audit.mode = "strict"`).
    JetstreamSilent,
    /// Neither JetStream nor the disk takes events.
    SpoolFull,
}

impl Reason {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Starting,
        Self::Stopping,
        Self::NatsAway,
        Self::NotSubscribed,
        Self::NoKeys,
        Self::JetstreamSilent,
        Self::SpoolFull,
    ];

    /// Its word, which never changes.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Stopping => "stopping",
            Self::NatsAway => "nats_away",
            Self::NotSubscribed => "not_subscribed",
            Self::NoKeys => "no_keys",
            Self::JetstreamSilent => "jetstream_silent",
            Self::SpoolFull => "spool_full",
        }
    }

    /// A sentence for people.
    #[must_use]
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Starting => "It does not answer logins yet.",
            Self::Stopping => "It stops, and takes no more logins.",
            Self::NatsAway => "There is no connection to nats-server.",
            Self::NotSubscribed => {
                "nats-server does not let it take logins: `callout.queue` and the permissions of \
                 the service user name different queue groups."
            }
            Self::NoKeys => "No issuer has keys that are believed: nobody can be let in.",
            Self::JetstreamSilent => {
                "JetStream does not acknowledge audit events, and `audit.mode` is `strict`."
            }
            Self::SpoolFull => "Neither JetStream nor the disk takes audit events.",
        }
    }
}

/// What is measured and lowers the percentage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Input {
    /// The round trip to nats-server.
    Nats,
    /// How long audit events wait for the stream where each must be there.
    JetstreamStrict,
    /// The same, where the disk will do.
    JetstreamSpool,
    /// The median time of the logins of the last ten seconds.
    Decide,
    /// The worst lag of the event loop in the last five seconds.
    EventLoop,
}

/// Up to `good` nothing is lowered; from there it falls in a straight line, and stays at `floor`
/// from `bad` on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scale {
    /// As good as it needs to be.
    pub good: Duration,
    /// As bad as it gets.
    pub bad: Duration,
    /// What is left then, in percent.
    pub floor: u8,
}

impl Input {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::Nats, Self::JetstreamStrict, Self::JetstreamSpool, Self::Decide, Self::EventLoop];

    /// Its word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Nats => "nats",
            Self::JetstreamStrict | Self::JetstreamSpool => "jetstream",
            Self::Decide => "decide",
            Self::EventLoop => "event_loop",
        }
    }

    /// What it lowers, and from when on.
    ///
    /// A login has 1.5 s (`callout.deadline`), and the server's patience ends at 2 s. It crosses
    /// the connection to nats-server twice, and where events must be on the stream it waits for
    /// that; where the disk will do, it waits 20 ms longer at most, so that more than half is
    /// never taken away. No floor is 0: what is slow still works, and where all are slow, all
    /// keep their share.
    #[must_use]
    pub const fn scale(self) -> Scale {
        let (good, bad, floor) = match self {
            // A round trip within a region takes less than 50 ms. With 500 ms a login has lost a
            // third of its time on the way.
            Self::Nats => (50, 500, 10),
            // A stream with three replicas that sync their disks takes some tens of milliseconds.
            Self::JetstreamStrict => (100, 1000, 10),
            Self::JetstreamSpool => (100, 1000, 50),
            // An issuer that is asked about each token takes 100 ms and more. At 1200 ms every
            // second login is near its deadline.
            Self::Decide => (250, 1200, 10),
            // Some milliseconds are usual; 500 ms means that the machine has no time for it.
            Self::EventLoop => (50, 500, 10),
        };
        Scale { good: Duration::from_millis(good), bad: Duration::from_millis(bad), floor }
    }

    /// The percentage that is left.
    #[must_use]
    pub fn score(self, measured: Duration) -> u8 {
        let Scale { good, bad, floor } = self.scale();
        if measured <= good {
            return 100;
        }
        let left = bad.saturating_sub(measured).as_micros();
        let whole = bad.saturating_sub(good).as_micros().max(1);
        let scaled = left * u128::from(100 - floor) / whole;
        floor.saturating_add(u8::try_from(scaled).unwrap_or(u8::MAX)).min(100)
    }
}

/// What must hold of the audit trail, so that a login may go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Promise {
    /// JetStream has acknowledged its event.
    OnTheStream,
    /// That, or the disk has it.
    OnTheDisk,
    /// As before, though where neither is the case, the login goes on all the same.
    None,
}

/// What is known of an instance at one moment.
#[derive(Debug, Clone, Copy)]
pub struct Readings {
    /// Whether it answers logins.
    pub serving: bool,
    /// Whether it was asked to stop.
    pub stopping: bool,
    /// Whether it is connected to nats-server.
    pub connected: bool,
    /// Whether nats-server keeps logins from it.
    pub denied: bool,
    /// The round trip there.
    pub round_trip: Option<Duration>,
    /// Whether anybody could be let in.
    pub any_keys: bool,
    /// What is promised of events.
    pub promise: Promise,
    /// How slow JetStream is: how long the newest event took or the oldest waits, or, while there
    /// is none, how long the stream's leader takes for an answer.
    pub jetstream: Option<Duration>,
    /// For how long nothing came from JetStream, be it an acknowledgement or an answer.
    pub jetstream_silent: Option<Duration>,
    /// For how long the oldest event waits that is not as safe as promised.
    pub unsafe_for: Duration,
    /// How long a login has: `callout.deadline`.
    pub deadline: Duration,
    /// See [`Measures::time_to_decide`](crate::measures::Measures::time_to_decide).
    pub time_to_decide: Option<Duration>,
    /// The worst lag of the event loop.
    pub lag: Duration,
}

/// For how long JetStream may say nothing, where it must acknowledge: two questions in vain, and
/// the time between them.
pub const SILENCE: Duration = Duration::from_secs(5);

impl Readings {
    /// What it means.
    #[must_use]
    pub fn judge(&self) -> Health {
        let waits = self.unsafe_for > self.deadline;
        let silent = self.jetstream_silent.is_some_and(|silent| silent > SILENCE);
        let strict = self.promise == Promise::OnTheStream;
        let all = [
            (Reason::Starting, !self.serving && !self.stopping),
            (Reason::Stopping, self.stopping),
            (Reason::NatsAway, !self.connected),
            (Reason::NotSubscribed, self.connected && self.denied),
            // Before that, nobody has fetched any.
            (Reason::NoKeys, self.serving && !self.any_keys),
            (Reason::JetstreamSilent, strict && (waits || silent)),
            (Reason::SpoolFull, self.promise == Promise::OnTheDisk && waits),
        ];
        let reasons: Vec<_> = all.into_iter().filter(|(_, holds)| *holds).collect();
        let jetstream = if strict { Input::JetstreamStrict } else { Input::JetstreamSpool };
        // A quick no is an answer that nobody can use.
        let silence = self.jetstream_silent.filter(|_| silent);
        let scores = [
            (Input::Nats, self.round_trip),
            (jetstream, self.jetstream.max(silence)),
            (Input::Decide, self.time_to_decide),
            (Input::EventLoop, Some(self.lag)),
        ];
        let scores = scores.map(|(input, took)| (input, took.map_or(100, |it| input.score(it))));
        let lowest = scores.iter().map(|(_, score)| *score).min().unwrap_or(100);
        let ready = reasons.is_empty();
        let slow = scores.iter().filter(|(_, score)| *score < 100);
        Health {
            ready,
            percent: if ready { lowest.max(1) } else { 0 },
            reasons: reasons.iter().map(|(reason, _)| reason.word().to_owned()).collect(),
            slow: slow.map(|(input, _)| input.word().to_owned()).collect(),
        }
    }
}

#[cfg(test)]
mod tests;
