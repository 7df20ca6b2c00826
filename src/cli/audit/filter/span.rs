//! From when to when.

use clap::Args;
use jiff::{Span, Timestamp, civil::DateTime, tz::TimeZone};

use crate::audit::reader::Record;

/// How much later than its own time an event may seem to be stored earlier, by another clock.
const CLOCKS: jiff::SignedDuration = jiff::SignedDuration::from_mins(5);

/// From when to when.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Which events")]
pub(in crate::cli) struct TimeSpan {
    /// Not before this: `7d`, `90m`, `2026-11-01` or `2026-11-01T12:00Z`
    #[arg(long, value_name = "WHEN", value_parser = moment)]
    pub(in crate::cli) since: Option<Timestamp>,
    /// Before this
    #[arg(long, value_name = "WHEN", value_parser = moment)]
    pub(in crate::cli) until: Option<Timestamp>,
}

impl TimeSpan {
    pub(in crate::cli) fn fits(&self, record: &Record) -> bool {
        if self.since.is_none() && self.until.is_none() {
            return true;
        }
        // What has no time of its own has that of the stream.
        let time = record.time().unwrap_or(record.stored);
        self.since.is_none_or(|since| time >= since) && self.until.is_none_or(|until| time < until)
    }

    /// From when the stream has to be read: an event is stored after it happened.
    pub(in crate::cli) fn stored_since(&self) -> Option<Timestamp> {
        self.since.map(|since| since.checked_sub(CLOCKS).unwrap_or(since))
    }
}

pub(super) fn moment(text: &str) -> Result<Timestamp, String> {
    if let Ok(time) = text.parse::<Timestamp>() {
        return Ok(time);
    }
    if let Ok(time) = text.parse::<DateTime>() {
        return time.to_zoned(TimeZone::UTC).map(|it| it.timestamp()).map_err(|it| it.to_string());
    }
    let ago = text
        .parse::<Span>()
        .ok()
        .and_then(|span| Timestamp::now().to_zoned(TimeZone::UTC).checked_sub(span).ok());
    ago.map(|it| it.timestamp()).ok_or_else(|| {
        "a time such as `2026-11-01T12:00Z`, or how long ago, such as `7d`".to_owned()
    })
}
