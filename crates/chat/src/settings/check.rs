//! Holds the parts of the file against each other, and makes the settings of them.
//!
//! A setting that would quietly do nothing is a mistake as well.

use std::path::{Path, PathBuf};
use std::time::Duration;

use callbox_hub::config::Sts;
use callbox_settings::Reader;

use super::keys::Draft;
use super::load::MAX_MOTD;
use super::{Listener, ListenerTls, Settings, values};

/// Where the keys stand that were read: section, key, and place in bytes.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// Of the sections that stand once.
    pub(super) keys: Vec<(&'static str, &'static str, usize)>,
    /// Of each `[[listen]]`, in order.
    pub(super) listeners: Vec<usize>,
}

impl Seen {
    fn place(&self, section: &str, key: &str) -> Option<usize> {
        self.keys.iter().find(|(s, k, _)| *s == section && *k == key).map(|(_, _, at)| *at)
    }

    /// The place of the first of these that stands in the file.
    fn first(&self, keys: &[(&str, &str)]) -> usize {
        keys.iter().find_map(|(section, key)| self.place(section, key)).unwrap_or(0)
    }
}

/// The settings that `draft` makes, relative paths taken from `folder`. What contradicts itself is noted in `reader`.
pub(super) fn finish(
    mut draft: Draft,
    seen: &Seen,
    folder: &Path,
    reader: &mut Reader<'_>,
) -> Settings {
    message_of_the_day(&mut draft, seen, folder, reader);
    if !reader.is_wrong("tls") {
        tls(&draft, seen, reader);
    }
    if !reader.is_wrong("listen") {
        listeners(&draft.settings, seen, reader);
    }
    numbers(&draft.settings, seen, reader);
    if draft.settings.data.ephemeral && draft.settings.data.folder.is_some() {
        let at = seen.first(&[("data", "ephemeral")]);
        reader.mistake(at, "ephemeral keeps everything in memory, so there can be no folder");
    }

    let Draft { mut settings, flood_control, flood, sts_port, sts_duration, show_for, .. } = draft;
    settings.hub.flood = flood_control.then_some(flood);
    settings.hub.sts = (sts_port != 0).then_some(Sts { port: sts_port, duration: sts_duration });
    settings.hub.history.max_age = show_for.map_or(0, millis);
    let paths = [&mut settings.tls.cert, &mut settings.tls.key, &mut settings.data.folder];
    for path in paths.into_iter().flatten() {
        *path = folder.join(&path);
    }
    settings
}

fn message_of_the_day(draft: &mut Draft, seen: &Seen, folder: &Path, reader: &mut Reader<'_>) {
    let file: Option<PathBuf> = draft.motd_file.take().map(|path| folder.join(path));
    let at = seen.first(&[("server", "motd-file"), ("server", "motd")]);
    let lines = match (draft.motd.take(), file) {
        (None, None) => return,
        (Some(_), Some(_)) => Err("motd-file stands beside motd: give one of them".to_owned()),
        (Some(text), None) => values::motd(&text).map_err(|error| format!("motd {error}")),
        (None, Some(path)) => callbox_settings::text(&path, MAX_MOTD)
            .map_err(|error| format!("motd-file: {error}"))
            .and_then(|text| {
                values::motd(&text)
                    .map_err(|error| format!("the file that motd-file names {error}"))
            }),
    };
    match lines {
        Ok(lines) => draft.settings.hub.motd = lines,
        Err(message) => reader.mistake(at, message),
    }
}

fn tls(draft: &Draft, seen: &Seen, reader: &mut Reader<'_>) {
    let tls = &draft.settings.tls;
    match (&tls.cert, &tls.key) {
        (Some(_), None) => {
            reader.mistake(seen.first(&[("tls", "cert")]), "cert needs its key: give key as well");
        }
        (None, Some(_)) => {
            reader.mistake(
                seen.first(&[("tls", "key")]),
                "key needs its certificate: give cert as well",
            );
        }
        (Some(_), Some(_)) if !tls.enabled => {
            let at = seen.first(&[("tls", "enabled"), ("tls", "cert")]);
            reader
                .mistake(at, "there is a certificate, but TLS is off: say enabled = true in [tls]");
        }
        _ => {}
    }
    if draft.sts_port != 0 {
        let at = seen.first(&[("tls", "sts-port")]);
        if !tls.enabled {
            reader.mistake(
                at,
                "sts-port sends clients to TLS, which is off: say enabled = true in [tls]",
            );
        } else if tls.is_self_signed() {
            reader.mistake(
                at,
                "sts-port makes clients insist on a certificate that they trust, and the server's own is none: give \
                 cert and key",
            );
        }
    }
}

fn listeners(settings: &Settings, seen: &Seen, reader: &mut Reader<'_>) {
    let same = |one: &Listener, other: &Listener| {
        one.port != 0 && one.port == other.port && one.address == other.address
    };
    for (index, (listener, at)) in settings.listen.iter().zip(&seen.listeners).enumerate() {
        let known = !reader.is_wrong("tls");
        if known && listener.tls == ListenerTls::Required && !settings.tls.enabled {
            reader
                .mistake(*at, "tls is required here, but TLS is off: say enabled = true in [tls]");
        }
        if settings.listen.iter().take(index).any(|earlier| same(earlier, listener)) {
            reader.mistake(
                *at,
                format!(
                    "port {} of {} stands in an earlier [[listen]]",
                    listener.port, listener.address
                ),
            );
        }
    }
}

fn numbers(settings: &Settings, seen: &Seen, reader: &mut Reader<'_>) {
    let (limits, connections) = (&settings.hub.limits, &settings.connections);
    if settings.hub.lobby.len() > limits.channel {
        reader.mistake(
            seen.first(&[("server", "lobby"), ("limits", "channel-length")]),
            format!("lobby is longer than channel-length in [limits], {} bytes", limits.channel),
        );
    }
    if settings.hub.history.on_join > limits.history_page {
        reader.mistake(
            seen.first(&[("history", "on-join"), ("limits", "history-page")]),
            format!("on-join is more than history-page in [limits], {}", limits.history_page),
        );
    }
    for (name, number) in
        [("per-address", connections.per_address), ("unopened", connections.unopened)]
    {
        // A total made smaller than a default is no contradiction: the total is simply reached first.
        if let (true, Some(at)) = (number > connections.total, seen.place("connections", name)) {
            reader.mistake(at, format!("{name} is more than total, {}", connections.total));
        }
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
