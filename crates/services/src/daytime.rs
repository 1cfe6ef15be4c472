//! `daytime` (RFC 867): date and time for people to read, in UTC.
//!
//! RFC 867 leaves the form open; this is its first suggestion, `Weekday, Month Day, Year
//! Time-Zone`, with CR and LF. The calendar is computed here, for it is twenty lines and saves a
//! dependency.

use std::io::Write as _;

use crate::contract::{Answer, DatagramService, Flow, StreamService, UnixTime};

const WEEKDAYS: [&str; 7] =
    ["Thursday", "Friday", "Saturday", "Sunday", "Monday", "Tuesday", "Wednesday"];

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// Daytime over either transport.
#[derive(Debug, Default)]
pub struct Daytime;

impl DatagramService for Daytime {
    fn on_datagram(&mut self, now: UnixTime, _: &mut [u8], reply: &mut Vec<u8>) -> Answer {
        append_daytime(now, reply);
        Answer::Written
    }
}

impl StreamService for Daytime {
    fn on_open(&mut self, now: UnixTime, out: &mut Vec<u8>) -> Flow {
        append_daytime(now, out);
        Flow::Finish
    }

    fn on_bytes(&mut self, _: UnixTime, _: &[u8], _: &mut Vec<u8>) -> Flow {
        Flow::Finish
    }
}

/// Appends a line such as `Sunday, November 22, 2026 10:09:44-UTC`.
pub fn append_daytime(now: UnixTime, out: &mut Vec<u8>) {
    let (days, second) = (now.0 / 86_400, now.0 % 86_400);
    let Date { year, month, day } = Date::from_days(days);
    let weekday = WEEKDAYS[(days % 7) as usize];
    let month = MONTHS[month - 1];
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    // Writing to a vector cannot fail.
    let _ =
        write!(out, "{weekday}, {month} {day}, {year} {hour:02}:{minute:02}:{second:02}-UTC\r\n");
}

/// A day of the Gregorian calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Date {
    year: u64,
    /// 1 to 12.
    month: usize,
    /// 1 to 31.
    day: u64,
}

impl Date {
    /// The date of a day counted from 1970-01-01.
    ///
    /// Years are counted from March, so that the leap day is the last of its year, and in eras of
    /// 400 years, after which the calendar repeats. This is `civil_from_days` of Howard Hinnant's
    /// "chrono-Compatible Low-Level Date Algorithms", for days that are never negative.
    fn from_days(days: u64) -> Self {
        const DAYS_PER_ERA: u64 = 146_097;
        // From 0000-03-01 to 1970-01-01.
        const EPOCH: u64 = 719_468;
        let days = days + EPOCH;
        let (era, day_of_era) = (days / DAYS_PER_ERA, days % DAYS_PER_ERA);
        let year_of_era =
            (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        // Months from March have 31, 30, 31, 30, 31 days over and over: 153 days in five months.
        let month_from_march = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
        let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
        let year = era * 400 + year_of_era + u64::from(month <= 2);
        Self { year, month: month as usize, day }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn daytime(now: u64) -> String {
        let mut out = Vec::new();
        append_daytime(UnixTime(now), &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn known_moments_are_written_as_rfc_867_suggests() {
        assert_eq!(daytime(0), "Thursday, January 1, 1970 00:00:00-UTC\r\n");
        assert_eq!(daytime(951_782_400), "Tuesday, February 29, 2000 00:00:00-UTC\r\n");
        assert_eq!(daytime(1_000_000_000), "Sunday, September 9, 2001 01:46:40-UTC\r\n");
        assert_eq!(daytime(1_795_342_184), "Sunday, November 22, 2026 10:09:44-UTC\r\n");
        assert_eq!(daytime(4_107_542_399), "Sunday, February 28, 2100 23:59:59-UTC\r\n");
        assert_eq!(daytime(4_107_542_400), "Monday, March 1, 2100 00:00:00-UTC\r\n");
    }

    #[test]
    fn every_day_of_eight_centuries_follows_the_one_before() {
        let mut date = Date { year: 1970, month: 1, day: 1 };
        for days in 0..2 * 146_097 {
            assert_eq!(Date::from_days(days), date);
            let leap = date.year.is_multiple_of(4)
                && (!date.year.is_multiple_of(100) || date.year.is_multiple_of(400));
            let length = match date.month {
                2 if leap => 29,
                2 => 28,
                4 | 6 | 9 | 11 => 30,
                _ => 31,
            };
            date.day += 1;
            if date.day > length {
                (date.day, date.month) = (1, date.month + 1);
            }
            if date.month > 12 {
                (date.month, date.year) = (1, date.year + 1);
            }
        }
    }

    #[test]
    fn the_last_moment_that_can_be_named_has_a_date() {
        assert!(daytime(u64::MAX).ends_with("-UTC\r\n"));
    }

    #[test]
    fn datagram_and_stream_say_the_same() {
        let (mut reply, mut out) = (Vec::new(), Vec::new());
        assert_eq!(Daytime.on_datagram(UnixTime(7), &mut [], &mut reply), Answer::Written);
        assert_eq!(Daytime.on_open(UnixTime(7), &mut out), Flow::Finish);
        assert_eq!(reply, out);
    }
}
