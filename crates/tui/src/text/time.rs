//! Times and days as people read them.

use callbox_session::contract::Millis;

use crate::texts::Texts;

/// The local zone: how many seconds it is ahead of UTC at a moment.
pub type Zone = Box<dyn Fn(Millis) -> i32 + Send>;

const DAY: i64 = 86_400;

/// The day in local time, counted from 1970-01-01.
pub(crate) fn day(time: Millis, zone: &Zone) -> i64 {
    local(time, zone).div_euclid(DAY)
}

/// `20:05`.
pub(crate) fn clock(time: Millis, zone: &Zone) -> String {
    let minute = local(time, zone).rem_euclid(DAY) / 60;
    format!("{:02}:{:02}", minute / 60, minute % 60)
}

/// `Sunday, 22 November 2026`.
pub(crate) fn date(day: i64, texts: &Texts) -> String {
    let (year, month, of_month) = civil(day);
    let word = |words: &'static str, index: i64| {
        words.split(' ').nth(usize::try_from(index).unwrap_or(0)).unwrap_or_default()
    };
    // 1970-01-01 was a Thursday.
    let weekday = word(texts.weekdays, (day + 4).rem_euclid(7));
    texts
        .date
        .replace("{weekday}", weekday)
        .replace("{day}", &of_month.to_string())
        .replace("{month}", word(texts.months, month - 1))
        .replace("{year}", &year.to_string())
}

fn local(time: Millis, zone: &Zone) -> i64 {
    // A peer's server may say any time at all.
    let seconds = i64::try_from(time / 1_000).unwrap_or(0).min(253_402_300_799);
    seconds + i64::from(zone(time))
}

/// Year, month and day of a day since 1970-01-01 (Howard Hinnant, "chrono-compatible low-level date algorithms").
fn civil(day: i64) -> (i64, i64, i64) {
    let shifted = day + 719_468;
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * of_year + 2) / 153;
    let of_month = of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, of_month)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::texts::Language;

    #[test]
    fn days_and_times_are_those_of_the_zone() {
        let utc: Zone = Box::new(|_| 0);
        let china: Zone = Box::new(|_| 8 * 3_600);
        let time = 1_795_377_900_000; // 2026-11-22T20:05:00Z
        assert_eq!((clock(time, &utc), clock(time, &china)), ("20:05".into(), "04:05".into()));
        let english = Language::English.texts();
        assert_eq!(date(day(time, &utc), english), "Sunday, 22 November 2026");
        assert_eq!(date(day(time, &china), Language::Chinese.texts()), "2026年11月23日 星期一");
        assert_eq!(date(0, english), "Thursday, 1 January 1970");
        assert_eq!(date(11_016, english), "Tuesday, 29 February 2000");
        assert_eq!(clock(u64::MAX, &utc), "23:59");
    }
}
