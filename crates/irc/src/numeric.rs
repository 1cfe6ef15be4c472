//! The one table of numerics: what a server answers with, by number.
//!
//! A row holds the name, the names of the parameters after the client's, and the text that usually
//! stands at the end. It follows the modern specification and, above 600, IRCv3; where two servers use
//! one number differently, it is the use that those documents give.

/// A row of the table.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Numeric {
    /// The number, 1 to 999.
    pub code: u16,
    /// The name in the specification.
    pub name: &'static str,
    /// The last parameter, with `{}` where something is to be filled in. Empty where the last
    /// parameter is the sender's to give, or there is none but `params`.
    pub text: &'static str,
    /// The parameters between the client's name and the text, by name: `[x]` may be left out, `x...`
    /// may be several. Where the text is empty, the last parameter is among them.
    pub params: &'static [&'static str],
    digits: [u8; 3],
}

impl Numeric {
    const fn new(
        code: u16,
        name: &'static str,
        params: &'static [&'static str],
        text: &'static str,
    ) -> Self {
        Self { code, name, text, params, digits: digits(code) }
    }

    /// The number as it stands on the wire: three digits.
    pub fn code_text(&self) -> &str {
        // They are digits, by `new`.
        std::str::from_utf8(&self.digits).unwrap_or("000")
    }

    /// Whether it says that something failed.
    pub fn is_error(&self) -> bool {
        self.name.starts_with("ERR_")
    }
}

const fn digits(code: u16) -> [u8; 3] {
    [b'0' + (code / 100 % 10) as u8, b'0' + (code / 10 % 10) as u8, b'0' + (code % 10) as u8]
}

/// The row of a number.
pub fn find(code: u16) -> Option<&'static Numeric> {
    ALL.binary_search_by_key(&code, |row| row.code).ok().map(|at| &ALL[at])
}

macro_rules! numerics {
    ($($name:ident = $code:literal, [$($param:literal),*], $text:literal;)*) => {
        $(
            #[doc = concat!("Numeric ", $code, $(" `<", $param, ">`",)* ": “", $text, "”")]
            pub const $name: Numeric =
                Numeric::new($code, stringify!($name), &[$($param),*], $text);
        )*

        /// The table, by number.
        pub const ALL: &[Numeric] = &[$($name),*];
    };
}

numerics! {
    RPL_WELCOME = 1, [], "Welcome to the {} Network, {}";
    RPL_YOURHOST = 2, [], "Your host is {}, running version {}";
    RPL_CREATED = 3, [], "This server was created {}";
    RPL_MYINFO = 4, ["server", "version", "user modes", "channel modes", "[modes with argument]"], "";
    RPL_ISUPPORT = 5, ["tokens..."], "are supported by this server";
    RPL_BOUNCE = 10, ["host", "port", "info"], "";
    RPL_REMOTEISUPPORT = 105, ["tokens..."], "are supported by this server";
    RPL_STATSLINKINFO = 211, ["link", "sendq", "sent messages", "sent bytes", "received messages",
        "received bytes", "seconds open"], "";
    RPL_STATSCOMMANDS = 212, ["command", "count", "[bytes]", "[remote count]"], "";
    RPL_ENDOFSTATS = 219, ["letter"], "End of /STATS report";
    RPL_UMODEIS = 221, ["user modes"], "";
    RPL_STATSUPTIME = 242, [], "Server Up {} days {}:{:02}:{:02}";
    RPL_STATSOLINE = 243, ["O", "host mask", "*", "name"], "";
    RPL_LUSERCLIENT = 251, [], "There are {} users and {} invisible on {} servers";
    RPL_LUSEROP = 252, ["operators"], "operator(s) online";
    RPL_LUSERUNKNOWN = 253, ["connections"], "unknown connection(s)";
    RPL_LUSERCHANNELS = 254, ["channels"], "channels formed";
    RPL_LUSERME = 255, [], "I have {} clients and {} servers";
    RPL_ADMINME = 256, ["[server]"], "Administrative info";
    RPL_ADMINLOC1 = 257, ["info"], "";
    RPL_ADMINLOC2 = 258, ["info"], "";
    RPL_ADMINEMAIL = 259, ["info"], "";
    RPL_TRYAGAIN = 263, ["command"], "Please wait a while and try again.";
    RPL_LOCALUSERS = 265, ["[users]", "[most]"], "Current local users {}, max {}";
    RPL_GLOBALUSERS = 266, ["[users]", "[most]"], "Current global users {}, max {}";
    RPL_WHOISCERTFP = 276, ["nick"], "has client certificate fingerprint {}";
    RPL_NONE = 300, ["anything..."], "";
    RPL_AWAY = 301, ["nick", "message"], "";
    RPL_USERHOST = 302, ["replies"], "";
    RPL_ISON = 303, ["nicks"], "";
    RPL_UNAWAY = 305, [], "You are no longer marked as being away";
    RPL_NOWAWAY = 306, [], "You have been marked as being away";
    RPL_WHOISREGNICK = 307, ["nick"], "has identified for this nick";
    RPL_WHOISUSER = 311, ["nick", "user", "host", "*", "realname"], "";
    RPL_WHOISSERVER = 312, ["nick", "server", "info"], "";
    RPL_WHOISOPERATOR = 313, ["nick"], "is an IRC operator";
    RPL_WHOWASUSER = 314, ["nick", "user", "host", "*", "realname"], "";
    RPL_ENDOFWHO = 315, ["mask"], "End of WHO list";
    RPL_WHOISIDLE = 317, ["nick", "seconds", "signon"], "seconds idle, signon time";
    RPL_ENDOFWHOIS = 318, ["nick"], "End of /WHOIS list";
    RPL_WHOISCHANNELS = 319, ["nick", "channels"], "";
    RPL_WHOISSPECIAL = 320, ["nick", "text"], "";
    RPL_LISTSTART = 321, ["Channel"], "Users  Name";
    RPL_LIST = 322, ["channel", "members", "topic"], "";
    RPL_LISTEND = 323, [], "End of /LIST";
    RPL_CHANNELMODEIS = 324, ["channel", "modes", "arguments..."], "";
    RPL_CREATIONTIME = 329, ["channel", "seconds"], "";
    RPL_WHOISACCOUNT = 330, ["nick", "account"], "is logged in as";
    RPL_NOTOPIC = 331, ["channel"], "No topic is set";
    RPL_TOPIC = 332, ["channel", "topic"], "";
    RPL_TOPICWHOTIME = 333, ["channel", "who", "seconds"], "";
    RPL_WHOISBOT = 335, ["nick"], "is a bot";
    RPL_INVITELIST = 336, ["channel"], "";
    RPL_ENDOFINVITELIST = 337, [], "End of /INVITE list";
    RPL_WHOISACTUALLY = 338, ["nick", "[user@host]", "[address]"], "Is actually using host";
    RPL_INVITING = 341, ["nick", "channel"], "";
    RPL_INVEXLIST = 346, ["channel", "mask", "[who]", "[seconds]"], "";
    RPL_ENDOFINVEXLIST = 347, ["channel"], "End of Channel Invite Exception List";
    RPL_EXCEPTLIST = 348, ["channel", "mask", "[who]", "[seconds]"], "";
    RPL_ENDOFEXCEPTLIST = 349, ["channel"], "End of channel exception list";
    RPL_VERSION = 351, ["version", "server", "comments"], "";
    RPL_WHOREPLY = 352, ["channel", "user", "host", "server", "nick", "flags", "hops and realname"], "";
    RPL_NAMREPLY = 353, ["symbol", "channel", "nicks"], "";
    RPL_WHOSPCRPL = 354, ["fields..."], "";
    RPL_LINKS = 364, ["server", "linked to", "hops and info"], "";
    RPL_ENDOFLINKS = 365, ["*"], "End of /LINKS list";
    RPL_ENDOFNAMES = 366, ["channel"], "End of /NAMES list";
    RPL_BANLIST = 367, ["channel", "mask", "[who]", "[seconds]"], "";
    RPL_ENDOFBANLIST = 368, ["channel"], "End of channel ban list";
    RPL_ENDOFWHOWAS = 369, ["nick"], "End of WHOWAS";
    RPL_INFO = 371, ["line"], "";
    RPL_MOTD = 372, ["line"], "";
    RPL_ENDOFINFO = 374, [], "End of INFO list";
    RPL_MOTDSTART = 375, [], "- {} Message of the day - ";
    RPL_ENDOFMOTD = 376, [], "End of /MOTD command.";
    RPL_WHOISHOST = 378, ["nick"], "is connecting from {}@{} {}";
    RPL_WHOISMODES = 379, ["nick"], "is using modes {}";
    RPL_YOUREOPER = 381, [], "You are now an IRC operator";
    RPL_REHASHING = 382, ["file"], "Rehashing";
    RPL_TIME = 391, ["server", "[seconds]", "[offset]", "time"], "";
    ERR_UNKNOWNERROR = 400, ["command", "subcommand...", "info"], "";
    ERR_NOSUCHNICK = 401, ["nick"], "No such nick/channel";
    ERR_NOSUCHSERVER = 402, ["server"], "No such server";
    ERR_NOSUCHCHANNEL = 403, ["channel"], "No such channel";
    ERR_CANNOTSENDTOCHAN = 404, ["channel"], "Cannot send to channel";
    ERR_TOOMANYCHANNELS = 405, ["channel"], "You have joined too many channels";
    ERR_WASNOSUCHNICK = 406, ["nick"], "There was no such nickname";
    ERR_TOOMANYTARGETS = 407, ["target"], "Too many recipients";
    ERR_NOORIGIN = 409, [], "No origin specified";
    ERR_INVALIDCAPCMD = 410, ["subcommand"], "Invalid CAP command";
    ERR_NORECIPIENT = 411, [], "No recipient given ({})";
    ERR_NOTEXTTOSEND = 412, [], "No text to send";
    ERR_INPUTTOOLONG = 417, [], "Input line was too long";
    ERR_UNKNOWNCOMMAND = 421, ["command"], "Unknown command";
    ERR_NOMOTD = 422, [], "MOTD File is missing";
    ERR_NONICKNAMEGIVEN = 431, [], "No nickname given";
    ERR_ERRONEUSNICKNAME = 432, ["nick"], "Erroneus nickname";
    ERR_NICKNAMEINUSE = 433, ["nick"], "Nickname is already in use";
    ERR_NICKCOLLISION = 436, ["nick"], "Nickname collision KILL from {}@{}";
    ERR_USERNOTINCHANNEL = 441, ["nick", "channel"], "They aren't on that channel";
    ERR_NOTONCHANNEL = 442, ["channel"], "You're not on that channel";
    ERR_USERONCHANNEL = 443, ["nick", "channel"], "is already on channel";
    ERR_NOTREGISTERED = 451, [], "You have not registered";
    ERR_NEEDMOREPARAMS = 461, ["command"], "Not enough parameters";
    ERR_ALREADYREGISTERED = 462, [], "You may not reregister";
    ERR_PASSWDMISMATCH = 464, [], "Password incorrect";
    ERR_YOUREBANNEDCREEP = 465, [], "You are banned from this server.";
    ERR_INVALIDUSERNAME = 468, [], "Your username is not valid";
    ERR_CHANNELISFULL = 471, ["channel"], "Cannot join channel (+l)";
    ERR_UNKNOWNMODE = 472, ["mode"], "is unknown mode char to me";
    ERR_INVITEONLYCHAN = 473, ["channel"], "Cannot join channel (+i)";
    ERR_BANNEDFROMCHAN = 474, ["channel"], "Cannot join channel (+b)";
    ERR_BADCHANNELKEY = 475, ["channel"], "Cannot join channel (+k)";
    ERR_BADCHANMASK = 476, ["channel"], "Bad Channel Mask";
    ERR_NEEDREGGEDNICK = 477, ["channel"], "Cannot join channel (+R)";
    ERR_BANLISTFULL = 478, ["channel", "mode"], "Channel list is full";
    ERR_NOPRIVILEGES = 481, [], "Permission Denied- You're not an IRC operator";
    ERR_CHANOPRIVSNEEDED = 482, ["channel"], "You're not channel operator";
    ERR_CANTKILLSERVER = 483, [], "You cant kill a server!";
    ERR_NOOPERHOST = 491, [], "No O-lines for your host";
    ERR_UMODEUNKNOWNFLAG = 501, [], "Unknown MODE flag";
    ERR_USERSDONTMATCH = 502, [], "Cant change mode for other users";
    ERR_HELPNOTFOUND = 524, ["subject"], "No help available on this topic";
    ERR_INVALIDKEY = 525, ["channel"], "Key is not well-formed";
    RPL_STARTTLS = 670, [], "STARTTLS successful, proceed with TLS handshake";
    RPL_WHOISSECURE = 671, ["nick"], "is using a secure connection";
    ERR_STARTTLS = 691, [], "STARTTLS failed";
    ERR_INVALIDMODEPARAM = 696, ["target", "mode", "argument", "description"], "";
    RPL_HELPSTART = 704, ["subject", "line"], "";
    RPL_HELPTXT = 705, ["subject", "line"], "";
    RPL_ENDOFHELP = 706, ["subject", "line"], "";
    ERR_NOPRIVS = 723, ["privilege"], "Insufficient oper privileges.";
    RPL_MONONLINE = 730, ["sources"], "";
    RPL_MONOFFLINE = 731, ["nicks"], "";
    RPL_MONLIST = 732, ["nicks"], "";
    RPL_ENDOFMONLIST = 733, [], "End of MONITOR list";
    ERR_MONLISTFULL = 734, ["limit", "nicks"], "Monitor list is full.";
    RPL_WHOISKEYVALUE = 760, ["target", "key", "visibility", "value"], "";
    RPL_KEYVALUE = 761, ["target", "key", "visibility", "[value]"], "";
    RPL_KEYNOTSET = 766, ["target", "key"], "key not set";
    RPL_METADATASUBOK = 770, ["keys..."], "";
    RPL_METADATAUNSUBOK = 771, ["keys..."], "";
    RPL_METADATASUBS = 772, ["keys..."], "";
    RPL_METADATASYNCLATER = 774, ["target", "[seconds]"], "";
    RPL_LOGGEDIN = 900, ["mask", "account"], "You are now logged in as {}";
    RPL_LOGGEDOUT = 901, ["mask"], "You are now logged out";
    ERR_NICKLOCKED = 902, [], "You must use a nick assigned to you";
    RPL_SASLSUCCESS = 903, [], "SASL authentication successful";
    ERR_SASLFAIL = 904, [], "SASL authentication failed";
    ERR_SASLTOOLONG = 905, [], "SASL message too long";
    ERR_SASLABORTED = 906, [], "SASL authentication aborted";
    ERR_SASLALREADY = 907, [], "You have already authenticated using SASL";
    RPL_SASLMECHS = 908, ["mechanisms"], "are available SASL mechanisms";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_and_no_number_stands_twice() {
        assert!(ALL.is_sorted_by(|a, b| a.code < b.code));
        let mut names: Vec<_> = ALL.iter().map(|row| row.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), ALL.len());
    }

    #[test]
    fn names_say_whether_something_failed() {
        for row in ALL {
            let tail = row.name.strip_prefix(if row.is_error() { "ERR_" } else { "RPL_" });
            let tail = tail.unwrap_or_else(|| panic!("{}", row.name));
            assert!(tail.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit()), "{tail}");
            // Those from 400 to 599 are errors, whatever else is one (RFC 2812 §5.2).
            assert!(row.is_error() || !(400..600).contains(&row.code), "{}", row.name);
        }
    }

    #[test]
    fn a_row_says_something_and_fits_into_a_message() {
        for row in ALL {
            assert!(row.params.len() + usize::from(!row.text.is_empty()) <= 14, "{}", row.name);
            assert!(!row.params.is_empty() || !row.text.is_empty(), "{}", row.name);
            assert!(!row.text.contains(['\r', '\n', '\0']));
            assert!(!row.params.iter().any(|name| name.is_empty()), "{}", row.name);
        }
    }

    #[test]
    fn a_number_has_three_digits_on_the_wire() {
        assert_eq!(RPL_WELCOME.code_text(), "001");
        assert_eq!(RPL_BOUNCE.code_text(), "010");
        assert_eq!(RPL_SASLMECHS.code_text(), "908");
        assert!(ALL.iter().all(|row| row.code_text() == format!("{:03}", row.code)));
    }

    #[test]
    fn a_row_is_found_by_its_number() {
        assert_eq!(find(433), Some(&ERR_NICKNAMEINUSE));
        assert_eq!(find(0), None);
        assert_eq!(find(999), None);
    }
}
