//! The tokens of ISUPPORT, from the settings.

use callbox_irc::isupport::{Isupport, TEXT, write_tokens};
use callbox_irc::names::Channel;
use callbox_irc::{mask, modes};

use crate::config::Config;

/// The tokens, in lines that fit whatever the client's nickname.
pub(crate) fn lines(config: &Config) -> Vec<String> {
    tokens(config).lines(room(config))
}

/// What clients that know the tokens of `before` are to be told when `config` holds instead.
pub(crate) fn changes(before: &Config, config: &Config) -> Vec<String> {
    let changes = tokens(config).changes_since(&tokens(before));
    write_tokens(&changes, room(config).min(room(before)))
}

fn tokens(config: &Config) -> Isupport {
    let limits = &config.limits;
    let tokens = Isupport::new()
        .value("ACCOUNTEXTBAN", mask::ACCOUNT_EXTBAN)
        .value("AWAYLEN", limits.away)
        .value("BOT", "B")
        // Clients fold ASCII by this; what is beyond it they learn from UTF8MAPPING, or compare as it stands.
        .value("CASEMAPPING", "ascii")
        .value("CHANLIMIT", format!("{}:{}", Channel::TYPES, limits.channels))
        .value("CHANMODES", modes::chanmodes())
        .value("CHANNELLEN", limits.channel)
        .value("CHANTYPES", Channel::TYPES)
        .value("ELIST", "CMNTU")
        .value("EXCEPTS", "e")
        .value("EXTBAN", format!("{},{}", mask::EXTBAN_PREFIX, mask::EXTBAN_TYPES))
        .value("HOSTLEN", HOST_MAX)
        .value("INVEX", "I")
        .value("KEYLEN", limits.key)
        .value("KICKLEN", limits.kick)
        .value("LINELEN", callbox_irc::build::BODY_MAX)
        // Where people meet. Others ignore what they do not know; callbox's own client goes there if no room was asked for.
        .value("LOBBY", &config.lobby)
        // Each list for itself: `Ibe:100` would be a hundred of all three together.
        .value("MAXLIST", modes::maxlist(limits.list))
        .value("MAXTARGETS", limits.targets)
        .value("MODES", limits.modes)
        .value("MONITOR", limits.monitor)
        .value("NAMELEN", limits.realname)
        .value("NETWORK", &config.network)
        .value("NICKLEN", limits.nick)
        .value("PREFIX", modes::prefix_token())
        .flag("SAFELIST")
        .value("STATUSMSG", modes::STATUS_PREFIXES)
        .value("TARGMAX", targmax(limits.targets))
        .value("TOPICLEN", limits.topic)
        .value("USERLEN", limits.user + 1)
        .value("UTF8MAPPING", "rfc8265")
        .flag("UTF8ONLY")
        .flag("WHOX");
    if !config.history.enabled {
        return tokens;
    }
    tokens.value("CHATHISTORY", limits.history_page).value("MSGREFTYPES", "msgid,timestamp")
}

/// How many bytes of tokens a line has room for.
fn room(config: &Config) -> usize {
    let nick = "n".repeat(config.limits.nick);
    callbox_irc::build::text_room(&config.server_name, "005", &[&nick]) - TEXT_ROOM
}

/// The longest host: an IPv6 address, or a vanity host of the configuration, which is held to this.
const HOST_MAX: usize = 64;

/// What stands behind the tokens in each line.
const TEXT_ROOM: usize = TEXT.len() + 2;

fn targmax(targets: usize) -> String {
    format!(
        "JOIN:,KICK:,LIST:,MONITOR:,NAMES:1,NOTICE:{targets},PART:,PRIVMSG:{targets},TAGMSG:{targets},WHOIS:1,WHOWAS:1"
    )
}

/// The letters of user modes, channel modes, and channel modes with a parameter, for RPL_MYINFO.
pub(crate) fn mode_letters() -> (String, String, String) {
    (modes::user_letters(), modes::channel_letters(), modes::channel_letters_with_argument())
}
