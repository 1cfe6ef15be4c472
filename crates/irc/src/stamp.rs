//! Moments as text, and text as moments: the `time` tag (IRCv3 server-time), the timestamps of
//! CHATHISTORY and MARKREAD, and the dates of a few numerics.
//!
//! Every message that is relayed carries one, so they are written without allocation and without a
//! calendar library; the calendar is a dozen lines.

/// The last moment that four digits of a year can name: 9999-12-31T23:59:59.999Z. Later ones are
/// written as this one, and are not parsed.
pub const MAX: u64 = 253_402_300_799_999;

const SECOND: u64 = 1000;
const MINUTE: u64 = 60 * SECOND;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// Appends `millis` since 1970-01-01T00:00:00Z as `2026-11-22T13:27:00.123Z`.
pub fn write(millis: u64, out: &mut Vec<u8>) {
    let moment = Moment::of(millis);
    let mut text = *b"0000-00-00T00:00:00.000Z";
    moment.fill(&mut text);
    digits(&mut text[20..23], moment.millisecond);
    out.extend_from_slice(&text);
}

/// `millis` since 1970-01-01T00:00:00Z as `2026-11-22T13:27:00.123Z`.
pub fn text(millis: u64) -> String {
    let mut out = Vec::with_capacity(24);
    write(millis, &mut out);
    out.into_iter().map(char::from).collect()
}

/// `millis` since 1970-01-01T00:00:00Z for people: `2026-11-22 13:27:00 UTC`.
pub fn date_text(millis: u64) -> String {
    let mut text = *b"0000-00-00 00:00:00 UTC";
    Moment::of(millis).fill(&mut text);
    text.into_iter().map(char::from).collect()
}

/// The milliseconds since 1970-01-01T00:00:00Z of `2026-11-22T13:27:00.123Z`.
///
/// The fraction may be missing or have one to nine digits, of which three count. Anything else must
/// be as it is here: four, two and two digits, a date that there is, `T`, and `Z`, since only UTC is
/// allowed. A leap second, `23:59:60`, is the second after it, which has the same number.
/// `None` also for moments before 1970 and after [`MAX`].
pub fn parse(text: &str) -> Option<u64> {
    let text = text.as_bytes().strip_suffix(b"Z")?;
    let (moment, fraction) = text.split_at_checked(19)?;
    let number = |from: usize, to: usize| decimal(moment.get(from..to)?);
    let separators = [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':')];
    if separators.iter().any(|&(at, separator)| moment.get(at) != Some(&separator)) {
        return None;
    }
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    let leap_second = (hour, minute, second) == (23, 59, 60);
    if year < 1970
        || !(1..=12).contains(&month)
        || !(1..=days_in_month(year, month)).contains(&day)
        || hour > 23
        || minute > 59
        || (second > 59 && !leap_second)
    {
        return None;
    }
    let time = hour * HOUR + minute * MINUTE + second * SECOND + fraction_millis(fraction)?;
    let millis = days_from_civil(year, month, day) * DAY + time;
    (millis <= MAX).then_some(millis)
}

/// A moment taken apart.
struct Moment {
    year: u64,
    month: u64,
    day: u64,
    hour: u64,
    minute: u64,
    second: u64,
    millisecond: u64,
}

impl Moment {
    fn of(millis: u64) -> Self {
        let millis = millis.min(MAX);
        let (year, month, day) = civil_from_days(millis / DAY);
        Self {
            year,
            month,
            day,
            hour: millis % DAY / HOUR,
            minute: millis % HOUR / MINUTE,
            second: millis % MINUTE / SECOND,
            millisecond: millis % SECOND,
        }
    }

    /// Writes the digits of date and time into a template of `0000-00-00 00:00:00`.
    fn fill(&self, text: &mut [u8]) {
        digits(&mut text[0..4], self.year);
        digits(&mut text[5..7], self.month);
        digits(&mut text[8..10], self.day);
        digits(&mut text[11..13], self.hour);
        digits(&mut text[14..16], self.minute);
        digits(&mut text[17..19], self.second);
    }
}

/// Writes `number` into all of `place`, with zeros before it.
fn digits(place: &mut [u8], mut number: u64) {
    for digit in place.iter_mut().rev() {
        *digit = b'0' + (number % 10) as u8;
        number /= 10;
    }
}

fn decimal(digits: &[u8]) -> Option<u64> {
    digits.iter().try_fold(0, |number, &digit| {
        digit.is_ascii_digit().then(|| number * 10 + u64::from(digit - b'0'))
    })
}

/// `.5` is 500 ms; nothing is 0.
fn fraction_millis(fraction: &[u8]) -> Option<u64> {
    if fraction.is_empty() {
        return Some(0);
    }
    let fraction = fraction.strip_prefix(b".")?;
    if fraction.is_empty() || fraction.len() > 9 {
        return None;
    }
    let scale = 10_u64.pow(9 - fraction.len() as u32);
    Some(decimal(fraction)? * scale / 1_000_000)
}

fn days_in_month(year: u64, month: u64) -> u64 {
    let leap_year =
        year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    match month {
        2 if leap_year => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

// Both ways count years from 1 March, so that the leap day is the last of its year and the months
// before it follow one rule: from March, five months have 153 days, over and over.

/// Days from 0000-03-01 to 1970-01-01.
const EPOCH: u64 = 719_468;
const DAYS_IN_400_YEARS: u64 = 146_097;

/// The days from 1970-01-01 to a date of the Gregorian calendar that is not before it.
fn days_from_civil(year: u64, month: u64, day: u64) -> u64 {
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let leap_days = year / 4 - year / 100 + year / 400;
    year * 365 + leap_days + (153 * month + 2) / 5 + (day - 1) - EPOCH
}

/// Year, month and day of the date that is `days` after 1970-01-01.
fn civil_from_days(days: u64) -> (u64, u64, u64) {
    let days = days + EPOCH;
    let day_of_era = days % DAYS_IN_400_YEARS;
    // Without the leap days that have gone by, all years have 365 days.
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let before = year_of_era * 365 + year_of_era / 4 - year_of_era / 100;
    let day_of_year = day_of_era - before;
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let year = days / DAYS_IN_400_YEARS * 400 + year_of_era;
    if month < 10 { (year, month + 3, day) } else { (year + 1, month - 9, day) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_moment_is_written_to_the_millisecond() {
        assert_eq!(text(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(text(951_782_400_007), "2000-02-29T00:00:00.007Z");
        assert_eq!(text(1_319_042_451_620), "2011-10-19T16:40:51.620Z");
        assert_eq!(text(MAX), "9999-12-31T23:59:59.999Z");
        assert_eq!(text(u64::MAX), text(MAX));
        assert_eq!(date_text(1_319_042_451_620), "2011-10-19 16:40:51 UTC");
    }

    #[test]
    fn a_fraction_may_be_missing_or_finer_than_a_millisecond() {
        for (fraction, millis) in
            [("", 0), (".5", 500), (".05", 50), (".123", 123), (".1239", 123), (".999999999", 999)]
        {
            assert_eq!(parse(&format!("1970-01-01T00:00:01{fraction}Z")), Some(1000 + millis));
        }
    }

    #[test]
    fn what_is_not_a_moment_in_utc_is_refused() {
        for bad in [
            "",
            "Z",
            "1970-01-01",
            "1970-01-01T00:00:00",
            "1970-01-01T00:00:00.Z",
            "1970-01-01T00:00:00.1234567890Z",
            "1970-01-01T00:00:00,1Z",
            "1970-01-01T00:00:00.1+00:00",
            "1970-01-01T00:00:00z",
            "1970-01-01t00:00:00Z",
            "1970-01-01 00:00:00Z",
            "1970-1-01T00:00:00Z",
            "+970-01-01T00:00:00Z",
            "1969-12-31T23:59:59Z",
            "0000-01-01T00:00:00Z",
            "1970-00-01T00:00:00Z",
            "1970-13-01T00:00:00Z",
            "1970-01-00T00:00:00Z",
            "1970-01-32T00:00:00Z",
            "2023-02-29T00:00:00Z",
            "2100-02-29T00:00:00Z",
            "1970-04-31T00:00:00Z",
            "1970-01-01T24:00:00Z",
            "1970-01-01T00:60:00Z",
            "1970-01-01T00:00:60Z",
            "1970-01-01T00:00:٠٠Z",
            "9999-12-31T23:59:60Z",
        ] {
            assert_eq!(parse(bad), None, "{bad}");
        }
        assert_eq!(parse("2000-02-29T00:00:00Z"), Some(951_782_400_000));
    }

    #[test]
    fn a_leap_second_is_the_second_after_it() {
        assert_eq!(parse("2012-06-30T23:59:60.419Z"), parse("2012-07-01T00:00:00.419Z"));
    }

    #[test]
    fn every_day_follows_the_day_before() {
        let (mut year, mut month, mut day) = (1970, 1, 1);
        for days in 0..=MAX / DAY {
            assert_eq!(civil_from_days(days), (year, month, day));
            assert_eq!(days_from_civil(year, month, day), days);
            day += 1;
            if day > days_in_month(year, month) {
                (month, day) = (month + 1, 1);
            }
            if month > 12 {
                (year, month) = (year + 1, 1);
            }
        }
        assert_eq!((year, month, day), (10_000, 1, 1));
    }

    proptest! {
        #[test]
        fn what_is_written_is_parsed_again(millis in 0..=MAX) {
            prop_assert_eq!(parse(&text(millis)), Some(millis));
        }

        #[test]
        fn later_moments_have_greater_texts(a in 0..=MAX, b in 0..=MAX) {
            prop_assert_eq!(a.cmp(&b), text(a).cmp(&text(b)));
        }

        #[test]
        fn no_text_makes_the_parser_panic(text in "[0-9]{4}-[01][0-9]-[0-3][0-9]T[0-9:é]{8}[.0-9]{0,11}Z|\\PC*Z") {
            prop_assert!(parse(&text).is_none_or(|millis| millis <= MAX));
        }
    }
}
