//! Weekdays and hours with a time zone.

use std::fmt;

use jiff::{Timestamp, civil, tz::TimeZone};

/// Minutes of a day.
pub(super) const DAY: u16 = 24 * 60;

/// The days of the week as maps write them.
pub(super) const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/// A time of the day on some days of the week, where somebody is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Window {
    /// From Monday to Sunday: the days on which it begins.
    pub(super) days: [bool; 7],
    /// Minutes after midnight at which it begins.
    pub(super) from: u16,
    /// Minutes after midnight at which it ends; not after `from`: on the next day.
    pub(super) to: u16,
    /// Whose midnight.
    pub(super) zone: TimeZone,
}

impl Window {
    /// The end of the window that `now` lies in.
    fn end(&self, now: Timestamp) -> Option<Timestamp> {
        let today = now.to_zoned(self.zone.clone()).date();
        let yesterday = today.yesterday().ok();
        [Some(today), yesterday].into_iter().flatten().find_map(|date| {
            let weekday = usize::try_from(date.weekday().to_monday_zero_offset()).ok()?;
            if !*self.days.get(weekday)? {
                return None;
            }
            let last = if self.to > self.from { date } else { date.tomorrow().ok()? };
            let (start, end) = (self.moment(date, self.from)?, self.moment(last, self.to)?);
            (start <= now && now < end).then_some(end)
        })
    }

    /// Where a clock is set back or forth, as RFC 5545 has it: the earlier of two, or what the
    /// clock says after the gap.
    fn moment(&self, date: civil::Date, minutes: u16) -> Option<Timestamp> {
        let (date, minutes) =
            if minutes == DAY { (date.tomorrow().ok()?, 0) } else { (date, minutes) };
        let (hour, minute) = (i8::try_from(minutes / 60).ok()?, i8::try_from(minutes % 60).ok()?);
        Some(date.at(hour, minute, 0, 0).to_zoned(self.zone.clone()).ok()?.timestamp())
    }
}

impl fmt::Display for Window {
    /// `mon, tue 08:00-18:00 Europe/Zurich`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let days: Vec<_> =
            DAYS.iter().zip(self.days).filter_map(|(name, is)| is.then_some(*name)).collect();
        let days = if days.len() == DAYS.len() { "daily".to_owned() } else { days.join(", ") };
        let (from, to) = (self.from, self.to);
        write!(f, "{days} {:02}:{:02}-{:02}:{:02}", from / 60, from % 60, to / 60, to % 60)?;
        write!(f, " {}", self.zone.iana_name().unwrap_or("UTC"))
    }
}

/// How many windows in a row are looked at. A session ends there at the latest: whoever is still
/// welcome comes back.
const MOST_IN_A_ROW: usize = 100;

/// Until when one of the windows is open without a gap: `None` where none is open now.
pub(super) fn open_until(windows: &[Window], now: Timestamp) -> Option<Timestamp> {
    let open = |at| windows.iter().filter_map(|window| window.end(at)).max();
    let mut until = open(now)?;
    for _ in 0..MOST_IN_A_ROW {
        let Some(later) = open(until) else { break };
        until = later;
    }
    Some(until)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(days: &str, from: u16, to: u16, zone: &str) -> Window {
        let zone = jiff::tz::TimeZoneDatabase::bundled().get(zone).unwrap();
        let days: Vec<bool> = days.chars().map(|day| day != '-').collect();
        Window { days: days.try_into().unwrap(), from: from * 60, to: to * 60, zone }
    }

    fn until(windows: &[Window], now: &str) -> Option<String> {
        let now: Timestamp = now.parse().unwrap();
        open_until(windows, now).map(|until| until.to_string())
    }

    #[test]
    fn office_hours_are_those_of_the_place() {
        // A Friday; Zurich is two hours ahead of UTC in summer.
        let office = [window("MTWTF--", 8, 18, "Europe/Zurich")];
        assert_eq!(until(&office, "2026-07-03T05:59:59Z"), None);
        assert_eq!(until(&office, "2026-07-03T06:00:00Z").unwrap(), "2026-07-03T16:00:00Z");
        assert_eq!(until(&office, "2026-07-03T16:00:00Z"), None);
        assert_eq!(until(&office, "2026-07-04T10:00:00Z"), None, "a Saturday");
        assert_eq!(until(&office, "2026-12-04T07:00:00Z").unwrap(), "2026-12-04T17:00:00Z");
    }

    #[test]
    fn a_night_shift_belongs_to_the_day_it_begins() {
        let night = [window("----F--", 22, 6, "UTC")];
        assert_eq!(until(&night, "2026-07-03T23:00:00Z").unwrap(), "2026-07-04T06:00:00Z");
        assert_eq!(until(&night, "2026-07-04T05:00:00Z").unwrap(), "2026-07-04T06:00:00Z");
        assert_eq!(until(&night, "2026-07-03T05:00:00Z"), None, "that is Thursday's");
        assert_eq!(until(&night, "2026-07-04T22:00:00Z"), None);
    }

    #[test]
    fn windows_without_a_gap_are_one() {
        let week = [window("MTWTF--", 0, 24, "UTC")];
        assert_eq!(until(&week, "2026-06-29T00:00:00Z").unwrap(), "2026-07-04T00:00:00Z");
        let two = [window("MTWTFSS", 8, 12, "UTC"), window("MTWTFSS", 12, 14, "UTC")];
        assert_eq!(until(&two, "2026-06-29T08:00:00Z").unwrap(), "2026-06-29T14:00:00Z");
        let ever = [window("MTWTFSS", 0, 24, "UTC")];
        assert!(until(&ever, "2026-06-29T08:00:00Z").unwrap().as_str() > "2026-07-28");
    }

    #[test]
    fn a_clock_that_is_set_moves_the_end_with_it() {
        // On 2026-03-29 Zurich's clock goes from 02:00 to 03:00, on 2026-10-25 from 03:00 to 02:00.
        let early = [window("MTWTFSS", 1, 4, "Europe/Zurich")];
        assert_eq!(until(&early, "2026-03-29T00:30:00Z").unwrap(), "2026-03-29T02:00:00Z");
        assert_eq!(until(&early, "2026-10-25T00:30:00Z").unwrap(), "2026-10-25T03:00:00Z");
        let gap = [window("MTWTFSS", 2, 4, "Europe/Zurich")];
        assert_eq!(until(&gap, "2026-03-29T01:00:00Z").unwrap(), "2026-03-29T02:00:00Z");
        assert_eq!(until(&gap, "2026-03-29T00:59:59Z"), None);
    }
}
