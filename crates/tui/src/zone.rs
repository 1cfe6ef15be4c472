//! Local time, as the machine is set.

use tz::TimeZone;

use crate::text::time::Zone;

/// The zone that `TZ` or `/etc/localtime` names, or UTC where neither can be read.
pub fn local() -> Zone {
    let zone = TimeZone::local().unwrap_or_else(|_| TimeZone::utc());
    Box::new(move |time| {
        let seconds = i64::try_from(time / 1_000).unwrap_or(0);
        zone.find_local_time_type(seconds).map_or(0, |kind| kind.ut_offset())
    })
}
