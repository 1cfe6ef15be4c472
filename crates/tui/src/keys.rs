//! The one table of keys: dispatch, `/keys`, and the `[keys]` of the configuration come from it.

mod key;

use std::collections::HashMap;

pub use key::{Key, NoKey};

use crate::texts::Language;

/// What a key does.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[allow(missing_docs, reason = "the table says what each does")]
pub enum Act {
    Send,
    NewLine,
    Complete,
    CompleteBack,
    RoomNext,
    RoomPrevious,
    RoomLast,
    RoomUnread,
    Room(u8),
    Switch,
    Rooms,
    People,
    Help,
    Keys,
    PageUp,
    PageDown,
    Top,
    Bottom,
    LineUp,
    LineDown,
    Search,
    ConnectNow,
    Redraw,
    Suspend,
    Leave,
    Escape,
    Left,
    Right,
    Up,
    Down,
    WordLeft,
    WordRight,
    Home,
    End,
    Backspace,
    Delete,
    DeleteWord,
    DeleteWordRight,
    KillHome,
    KillEnd,
    Yank,
    Undo,
    Redo,
    Reply,
    React,
    Edit,
    TakeBack,
    Copy,
    SendAgain,
    Discard,
    FoundOlder,
    FoundNewer,
}

/// Where a key counts.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Place {
    /// Always.
    Anywhere,
    /// While a line is chosen.
    Line,
}

/// A row of the table.
#[derive(Debug)]
pub struct Binding {
    /// Its name in the configuration.
    pub name: &'static str,
    /// What it does.
    pub act: Act,
    /// Where it counts.
    pub place: Place,
    /// The keys it has unless others are set, with spaces between them.
    pub keys: &'static str,
    /// What it does, in English.
    pub english: &'static str,
    /// And in Chinese.
    pub chinese: &'static str,
}

impl Binding {
    /// What it does, in this language.
    pub fn help(&self, language: Language) -> &'static str {
        match language {
            Language::English => self.english,
            Language::Chinese => self.chinese,
        }
    }
}

macro_rules! bindings {
    ($($place:ident $name:literal $act:expr, $keys:literal, $english:literal, $chinese:literal;)*) => {
        /// All keys that can be set.
        pub static TABLE: &[Binding] = {
            use Act::*;
            &[$(Binding {
                name: $name, act: $act, place: Place::$place, keys: $keys, english: $english, chinese: $chinese,
            },)*]
        };
    };
}

bindings! {
    Anywhere "send" Send, "enter", "send what was typed", "发送";
    Anywhere "new-line" NewLine, "alt-enter ctrl-j shift-enter", "begin another line of the same message", "换行";
    Anywhere "complete" Complete, "tab", "complete a name, a room or a command", "补全名字、房间或命令";
    Anywhere "complete-back" CompleteBack, "shift-tab", "go back among the completions", "上一个补全";
    Anywhere "room-next" RoomNext, "ctrl-n alt-down", "the next room", "下一个房间";
    Anywhere "room-previous" RoomPrevious, "ctrl-p alt-up", "the previous room", "上一个房间";
    Anywhere "room-last" RoomLast, "alt-/", "the room shown before", "刚才的房间";
    Anywhere "room-unread" RoomUnread, "alt-a", "the next room with unread lines, mentions first", "下一个有未读消息的房间";
    Anywhere "room-1" Room(1), "alt-1", "the first room", "第 1 个房间";
    Anywhere "room-2" Room(2), "alt-2", "the second room", "第 2 个房间";
    Anywhere "room-3" Room(3), "alt-3", "the third room", "第 3 个房间";
    Anywhere "room-4" Room(4), "alt-4", "the fourth room", "第 4 个房间";
    Anywhere "room-5" Room(5), "alt-5", "the fifth room", "第 5 个房间";
    Anywhere "room-6" Room(6), "alt-6", "the sixth room", "第 6 个房间";
    Anywhere "room-7" Room(7), "alt-7", "the seventh room", "第 7 个房间";
    Anywhere "room-8" Room(8), "alt-8", "the eighth room", "第 8 个房间";
    Anywhere "room-9" Room(9), "alt-9", "the ninth room", "第 9 个房间";
    Anywhere "switch" Switch, "ctrl-o alt-g", "go to a room by a part of its name", "按名字切换房间";
    Anywhere "help" Help, "f1", "the commands and the keys", "帮助";
    Anywhere "rooms" Rooms, "f2", "show or hide the rooms", "显示或隐藏房间列表";
    Anywhere "people" People, "f3", "show or hide the people", "显示或隐藏成员列表";
    Anywhere "keys" Keys, "f4", "the keys", "按键";
    Anywhere "page-up" PageUp, "pageup", "older lines; at the top more are fetched", "向上翻页";
    Anywhere "page-down" PageDown, "pagedown", "newer lines", "向下翻页";
    Anywhere "top" Top, "ctrl-home", "the oldest line that is loaded", "最早的消息";
    Anywhere "bottom" Bottom, "ctrl-end", "the newest line", "最新的消息";
    Anywhere "line-up" LineUp, "ctrl-up shift-up", "choose a line, or the one above", "选择上一条消息";
    Anywhere "line-down" LineDown, "ctrl-down shift-down", "choose the line below", "选择下一条消息";
    Anywhere "search" Search, "ctrl-f", "look for words in what is loaded", "搜索已载入的消息";
    Anywhere "connect-now" ConnectNow, "f5", "connect now instead of waiting longer", "立即重新连接";
    Anywhere "redraw" Redraw, "ctrl-l", "draw the screen anew", "重绘屏幕";
    Anywhere "suspend" Suspend, "ctrl-z", "back to the shell for a while", "挂起";
    Anywhere "leave" Leave, "ctrl-c", "clear what was typed; twice: leave", "清空输入；连按两次退出";
    Anywhere "escape" Escape, "esc", "close what is open, or back to the newest line", "关闭或返回";
    Anywhere "cursor-left" Left, "left ctrl-b", "left", "左移";
    Anywhere "cursor-right" Right, "right", "right", "右移";
    Anywhere "cursor-up" Up, "up", "up, or what was typed before", "上移，或上一条输入";
    Anywhere "cursor-down" Down, "down", "down, or what was typed after it", "下移，或下一条输入";
    Anywhere "word-left" WordLeft, "ctrl-left alt-left alt-b", "left by a word", "左移一词";
    Anywhere "word-right" WordRight, "ctrl-right alt-right alt-f", "right by a word", "右移一词";
    Anywhere "home" Home, "home ctrl-a", "to the beginning of the line", "行首";
    Anywhere "end" End, "end ctrl-e", "to the end of the line", "行尾";
    Anywhere "backspace" Backspace, "backspace ctrl-h", "delete to the left", "向左删除";
    Anywhere "delete" Delete, "delete ctrl-d", "delete to the right", "向右删除";
    Anywhere "delete-word" DeleteWord, "ctrl-w alt-backspace", "delete a word to the left", "向左删除一词";
    Anywhere "delete-word-right" DeleteWordRight, "alt-d", "delete a word to the right", "向右删除一词";
    Anywhere "kill-home" KillHome, "ctrl-u", "cut to the beginning of the line", "剪切到行首";
    Anywhere "kill-end" KillEnd, "ctrl-k", "cut to the end of the line", "剪切到行尾";
    Anywhere "yank" Yank, "ctrl-y", "put in what was cut last", "粘贴剪切的内容";
    Anywhere "undo" Undo, "ctrl-_ alt-z", "undo", "撤销";
    Anywhere "redo" Redo, "alt-y", "redo", "重做";
    Line "reply" Reply, "r enter", "answer the chosen line", "回复所选消息";
    Line "react" React, "+", "react to it", "回应";
    Line "edit" Edit, "e", "edit it, if it is your own", "编辑自己的消息";
    Line "take-back" TakeBack, "d", "take it back", "撤回";
    Line "copy" Copy, "y", "copy its text", "复制";
    Line "send-again" SendAgain, "s", "send it again, if it has failed", "重发失败的消息";
    Line "discard" Discard, "x", "discard it, if it has failed", "丢弃失败的消息";
    Line "found-older" FoundOlder, "n", "the next older line that was found", "更早的搜索结果";
    Line "found-newer" FoundNewer, "N", "the next newer one", "更新的搜索结果";
}

/// Which key does what.
#[derive(Clone, Debug)]
pub struct Keys {
    acts: HashMap<(Place, Key), Act>,
    /// The keys of each row of the table.
    of_rows: Vec<Vec<Key>>,
}

/// What is wrong with keys that were set.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum KeysError {
    /// There is no such row in the table.
    UnknownName(String),
    /// That is no key.
    NoKey(String, NoKey),
    /// This key types a character, so it can do nothing else here.
    Types(String, Key),
    /// Two rows have the same key.
    Twice(Key, String, String),
}

impl std::error::Error for KeysError {}

impl std::fmt::Display for KeysError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::UnknownName(name) => {
                write!(f, "'{}' can have no key; /keys shows what can", name.escape_debug())
            }
            Self::NoKey(name, no_key) => write!(f, "{name}: {no_key}"),
            Self::Types(name, key) => {
                write!(
                    f,
                    "{name}: '{key}' types a character; add ctrl- or alt-, or take a function key"
                )
            }
            Self::Twice(key, one, other) => write!(f, "'{key}' is set for both {one} and {other}"),
        }
    }
}

impl Default for Keys {
    fn default() -> Self {
        match Self::with(&[]) {
            Ok(keys) => keys,
            // The tests hold the table to this.
            Err(_) => Self { acts: HashMap::new(), of_rows: vec![Vec::new(); TABLE.len()] },
        }
    }
}

impl Keys {
    /// The keys of the table, with these set instead: the name of a row and its keys, of which there may be none. A key
    /// that is set is taken from the row that has it otherwise.
    ///
    /// # Errors
    ///
    /// The first thing that is wrong.
    pub fn with(set: &[(String, Vec<String>)]) -> Result<Self, KeysError> {
        let mut acts: HashMap<(Place, Key), (usize, bool)> = HashMap::new();
        let mut of_rows = vec![Vec::new(); TABLE.len()];
        let mut is_set = vec![false; TABLE.len()];
        for (name, keys) in set {
            let row = TABLE.iter().position(|row| row.name == name);
            let row = row.ok_or_else(|| KeysError::UnknownName(name.clone()))?;
            is_set[row] = true;
            for text in keys {
                let key: Key =
                    text.parse().map_err(|no_key| KeysError::NoKey(name.clone(), no_key))?;
                if TABLE[row].place == Place::Anywhere && key.types().is_some() {
                    return Err(KeysError::Types(name.clone(), key));
                }
                let before = acts.insert((TABLE[row].place, key), (row, true));
                if let Some((other, _)) = before.filter(|(other, _)| *other != row) {
                    return Err(KeysError::Twice(key, TABLE[other].name.to_owned(), name.clone()));
                }
                of_rows[row].push(key);
            }
        }
        for (row, binding) in TABLE.iter().enumerate().filter(|(row, _)| !is_set[*row]) {
            for text in binding.keys.split(' ') {
                let key: Key = text
                    .parse()
                    .map_err(|no_key| KeysError::NoKey(binding.name.to_owned(), no_key))?;
                match acts.get(&(binding.place, key)) {
                    // The person wants it elsewhere.
                    Some((_, true)) => continue,
                    Some((other, false)) => {
                        let other = TABLE[*other].name.to_owned();
                        return Err(KeysError::Twice(key, other, binding.name.to_owned()));
                    }
                    None => acts.insert((binding.place, key), (row, false)),
                };
                of_rows[row].push(key);
            }
        }
        let acts = acts.into_iter().map(|(at, (row, _))| (at, TABLE[row].act)).collect();
        Ok(Self { acts, of_rows })
    }

    /// What a key does there.
    pub fn act(&self, place: Place, key: Key) -> Option<Act> {
        self.acts.get(&(place, key)).copied()
    }

    /// The keys of a row of the table.
    pub(crate) fn of_row(&self, row: usize) -> &[Key] {
        &self.of_rows[row]
    }

    /// The first key for an act, as shown; `-` if it has none.
    pub(crate) fn shown(&self, act: Act) -> String {
        let row = TABLE.iter().position(|row| row.act == act);
        let key = row.and_then(|row| self.of_rows[row].first());
        key.map_or_else(|| "-".to_owned(), Key::to_string)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(set: &[(&str, &[&str])]) -> Result<Keys, KeysError> {
        let owned = |keys: &[&str]| keys.iter().map(|key| (*key).to_owned()).collect();
        let set: Vec<_> =
            set.iter().map(|(name, keys)| ((*name).to_owned(), owned(keys))).collect();
        Keys::with(&set)
    }

    fn key(text: &str) -> Key {
        text.parse().expect("a key")
    }

    #[test]
    fn the_table_is_sound() {
        let keys = with(&[]).expect("no key twice, and each is one");
        for (index, row) in TABLE.iter().enumerate() {
            assert!(
                TABLE[..index].iter().all(|other| other.name != row.name && other.act != row.act)
            );
            assert!(!keys.of_row(index).is_empty(), "{} has no key", row.name);
            assert!(
                row.place == Place::Line
                    || keys.of_row(index).iter().all(|key| key.types().is_none())
            );
            assert!(!row.english.is_empty() && !row.chinese.is_empty());
        }
    }

    #[test]
    fn a_key_that_is_set_is_taken_from_who_has_it_otherwise() {
        let keys = with(&[("search", &["ctrl-n", "f7"]), ("help", &[])]).expect("sound");
        assert_eq!(keys.act(Place::Anywhere, key("ctrl-n")), Some(Act::Search));
        assert_eq!(keys.act(Place::Anywhere, key("f7")), Some(Act::Search));
        assert_eq!(keys.act(Place::Anywhere, key("ctrl-f")), None);
        assert_eq!(keys.act(Place::Anywhere, key("f1")), None);
        assert_eq!(keys.act(Place::Anywhere, key("alt-down")), Some(Act::RoomNext));
        assert_eq!(
            (keys.shown(Act::RoomNext), keys.shown(Act::Help)),
            ("Alt-Down".into(), "-".into())
        );
    }

    #[test]
    fn what_cannot_be_is_told() {
        let told = |set: &[(&str, &[&str])]| with(set).expect_err("wrong").to_string();
        assert_eq!(told(&[("fly", &["f1"])]), "'fly' can have no key; /keys shows what can");
        assert_eq!(
            told(&[("search", &["hyper-x"])]),
            "search: 'hyper-x' is no key; keys are written ctrl-n, alt-up, shift-tab, f2, pageup"
        );
        assert_eq!(
            told(&[("search", &["x"])]),
            "search: 'x' types a character; add ctrl- or alt-, or take a function key"
        );
        assert_eq!(
            told(&[("search", &["f7"]), ("help", &["f7"])]),
            "'F7' is set for both search and help"
        );
        assert!(with(&[("copy", &["c"])]).is_ok());
    }
}
