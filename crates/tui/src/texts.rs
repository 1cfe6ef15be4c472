//! The one table of the texts of the screen, in English and in Simplified Chinese.
//!
//! `{}` stands for what is put in, in this order. What the session says (refusals, notes of the server) is English.

/// The language of the screen.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Language {
    /// English.
    #[default]
    English,
    /// Simplified Chinese.
    Chinese,
}

impl Language {
    /// By the values of `LC_ALL`, `LC_MESSAGES` and `LANG`, of which the first that is set and not empty counts.
    pub fn of_locale(values: [Option<&str>; 3]) -> Self {
        let first = values.into_iter().flatten().find(|value| !value.is_empty());
        if first.is_some_and(|locale| locale.to_ascii_lowercase().starts_with("zh")) {
            Self::Chinese
        } else {
            Self::English
        }
    }

    /// Its texts.
    pub fn texts(self) -> &'static Texts {
        match self {
            Self::English => &ENGLISH,
            Self::Chinese => &CHINESE,
        }
    }
}

/// A text with its gaps filled.
pub(crate) fn fill(template: &str, values: &[&str]) -> String {
    let mut filled = String::with_capacity(template.len() + 16);
    let mut values = values.iter();
    for (index, part) in template.split("{}").enumerate() {
        if index > 0 {
            filled.push_str(values.next().unwrap_or(&""));
        }
        filled.push_str(part);
    }
    filled
}

macro_rules! texts {
    ($($name:ident: $english:literal, $chinese:literal;)*) => {
        /// The texts of one language. What each is for is plain from the English one.
        #[derive(Debug)]
        pub struct Texts {
            $(#[doc = concat!("`", $english, "`")] pub $name: &'static str,)*
        }

        static ENGLISH: Texts = Texts { $($name: $english,)* };
        static CHINESE: Texts = Texts { $($name: $chinese,)* };

        #[cfg(test)]
        const TABLE: &[(&str, &str, &str)] = &[$((stringify!($name), $english, $chinese),)*];
    };
}

texts! {
    // Lists.
    rooms: "Rooms", "房间";
    people: "People", "成员";
    people_count: "{} people", "{} 人";
    people_one: "{} person", "{} 人";
    more: "and {} more", "另有 {} 人";
    away: "away", "离开";
    bot: "bot", "机器人";
    not_in: "not in the room", "不在房间内";
    server_room: "server", "服务器";

    // The connection.
    connecting: "connecting…", "正在连接…";
    online: "online", "在线";
    catching_up: "fetching what was missed…", "正在获取错过的消息…";
    offline: "offline", "已断线";
    retry_in: "next try in {} s ({}: now) · {}", "{} 秒后重试（{} 立即重试）· {}";
    ended: "The session is over: {}", "会话已结束：{}";
    ended_quit: "you left", "你已离开";

    // The lines.
    beginning: "This is the beginning of {}", "这是 {} 的开头";
    beginning_kept: "The server keeps nothing older", "服务器没有更早的记录";
    fetching_older: "Fetching older lines…", "正在获取更早的消息…";
    older_maybe: "Scroll up for older lines", "向上滚动可获取更早的消息";
    read_mark: "new", "新消息";
    edited: "(edited)", "（已编辑）";
    redacted: "taken back by {}", "已被 {} 撤回";
    unknown_line: "a line that is not loaded", "尚未加载的消息";
    joined: "{} joined", "{} 加入了房间";
    left: "{} left", "{} 离开了房间";
    quit: "{} is gone", "{} 下线了";
    kicked: "{} put {} out", "{} 将 {} 请出了房间";
    renamed: "{} is now {}", "{} 改名为 {}";
    topic_set: "{} set the topic: {}", "{} 设置了主题：{}";
    topic_cleared: "{} cleared the topic", "{} 清除了主题";
    mode: "{} set {}", "{} 设置了 {}";
    invited: "{} invited {} to {}", "{} 邀请 {} 加入 {}";
    sending: "sending…", "发送中…";
    waiting: "waits to be sent", "等待发送";
    failed: "not sent: {}", "未发送：{}";
    failed_keys: "{} send again, {} discard", "{} 重发，{} 丢弃";
    new_below: "▼ {} new below", "▼ 下面有 {} 条新消息";
    below: "▼ newer lines below", "▼ 下面还有较新的消息";

    // First use.
    empty_room: "Nobody has said anything here yet.", "这里还没有人说话。";
    not_yet: "You will be in {} as soon as there is a connection and the server lets you in.", "连接成功且服务器允许后，就会进入 {}。";
    gone: "You are not in {}. /join {} goes in.", "你不在 {} 中。用 /join {} 进入。";
    empty_hint: "Type a line and press Enter. /help lists the commands, {} the keys, Tab completes names, {} goes to another room.",
        "输入文字后按 Enter 发送。/help 列出命令，{} 列出按键，Tab 补全名字，{} 切换房间。";
    server_hint: "This is where the server speaks. /join #room goes into a room, /help lists the commands.",
        "这里显示服务器的消息。/join #房间 加入房间，/help 列出命令。";
    placeholder: "Message {}", "发消息到 {}";
    placeholder_server: "/join #room, /help", "/join #房间，/help";

    // Typing.
    typing_one: "{} is typing…", "{} 正在输入…";
    typing_two: "{} and {} are typing…", "{} 和 {} 正在输入…";
    typing_many: "{} people are typing…", "{} 人正在输入…";

    // What is being done.
    replying: "Answering {}: {}", "回复 {}：{}";
    editing: "Editing your line: {}", "编辑你的消息：{}";
    leave_hint: "Esc: not now", "Esc：取消";
    line_hint: "{} answer · {} react · {} edit · {} take back · {} copy · Esc back",
        "{} 回复 · {} 回应 · {} 编辑 · {} 撤回 · {} 复制 · Esc 返回";
    line_hint_short: "{} answer {} react {} edit {} take {} copy", "{} 回复 {} 回应 {} 编辑 {} 撤回 {} 复制";
    out_hint: "{} send again · {} discard · {} copy · Esc back", "{} 重发 · {} 丢弃 · {} 复制 · Esc 返回";
    take_back: "Take this line back? {} again does, Esc does not.", "撤回这条消息？再按 {} 确认，Esc 取消。";
    copied: "Copied.", "已复制。";
    nothing_to_do: "Choose a line first ({}).", "请先选择一条消息（{}）。";
    not_own: "Only own lines can be edited.", "只能编辑自己的消息。";
    is_redacted: "This line was taken back.", "这条消息已被撤回。";
    no_failed: "No line has failed here.", "这里没有发送失败的消息。";
    no_unread: "Everything was read.", "没有未读消息。";
    press_again: "Press {} again to leave.", "再按一次 {} 退出。";

    // Search.
    search: "Search", "搜索";
    search_none: "nothing found", "没有结果";
    search_count: "{} of {}", "第 {} 条，共 {} 条";
    search_keys: "Enter older · {} newer · Esc back", "Enter 上一条 · {} 下一条 · Esc 返回";

    // Overlays.
    help: "Help", "帮助";
    keys: "Keys", "按键";
    commands: "Commands", "命令";
    close_hint: "Esc closes", "Esc 关闭";
    switcher: "Go to", "切换到";
    no_match: "no room of that name", "没有匹配的房间";
    react: "React", "回应";
    react_hint: "1–8, or type and press Enter", "按 1–8，或输入后按 Enter";
    paste: "Paste", "粘贴";
    paste_lines: "{} lines, {} characters.", "{} 行，{} 个字符。";
    paste_one: "one message of several lines", "作为一条多行消息发送";
    paste_each: "line by line: {} messages", "逐行发送：{} 条消息";
    paste_edit: "put it into the editor", "放入编辑框";
    paste_cancel: "forget it", "取消";
    paste_key_one: "[1]", "[1]";
    too_small: "The window is too small.", "窗口太小了。";
    pasted_cut: "The paste was longer than what can be edited; its end is left out.", "粘贴内容过长，末尾已略去。";

    // Notifications.
    notify_mention: "{} in {}", "{} 在 {} 中";

    // Months and days, for day marks.
    weekdays: "Sunday Monday Tuesday Wednesday Thursday Friday Saturday", "星期日 星期一 星期二 星期三 星期四 星期五 星期六";
    months: "January February March April May June July August September October November December",
        "1月 2月 3月 4月 5月 6月 7月 8月 9月 10月 11月 12月";
    date: "{weekday}, {day} {month} {year}", "{year}年{month}{day}日 {weekday}";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_languages_have_the_same_gaps() {
        for (name, english, chinese) in TABLE {
            assert_eq!(
                english.matches("{}").count(),
                chinese.matches("{}").count(),
                "{name} has other gaps in Chinese"
            );
            assert!(!english.is_empty() && !chinese.is_empty(), "{name} is empty");
        }
        for texts in [&ENGLISH, &CHINESE] {
            assert_eq!(texts.weekdays.split(' ').count(), 7);
            assert_eq!(texts.months.split(' ').count(), 12);
        }
    }

    #[test]
    fn the_language_is_that_of_the_first_variable_that_is_set() {
        let of = Language::of_locale;
        assert_eq!(of([Some("zh_CN.UTF-8"), None, Some("C")]), Language::Chinese);
        assert_eq!(of([Some(""), None, Some("zh_TW")]), Language::Chinese);
        assert_eq!(of([None, Some("de_DE"), Some("zh_CN")]), Language::English);
        assert_eq!(of([None; 3]), Language::English);
    }

    #[test]
    fn gaps_are_filled_in_order_and_values_are_not_looked_into() {
        assert_eq!(fill("{} and {}!", &["a {}", "b"]), "a {} and b!");
        assert_eq!(fill("{} and {}", &["a"]), "a and ");
    }
}
