//! The help on commands in the language of the screen.

use callbox_session::commands::Command;

use crate::texts::Language;

/// What a command does.
pub(crate) fn help(command: &Command, language: Language) -> &'static str {
    let chinese = || CHINESE.iter().find(|(name, _)| *name == command.name);
    match language {
        Language::English => command.help,
        Language::Chinese => chinese().map_or(command.help, |(_, words)| words),
    }
}

/// The help of the session's table, which is English, in Chinese.
const CHINESE: &[(&str, &str)] = &[
    ("away", "告诉别人你离开了"),
    ("back", "告诉别人你回来了"),
    ("ban", "禁止某人进入房间，或列出禁止名单"),
    ("clear", "隐藏到目前为止的消息"),
    ("close", "离开房间并从列表中移除"),
    ("deop", "取消某人的管理员权限"),
    ("devoice", "取消某人的发言权"),
    ("edit", "修改你的一条消息"),
    ("help", "解释各个命令"),
    ("ignore", "不再显示某人的消息，或列出已屏蔽的人"),
    ("invite", "邀请某人进入房间"),
    ("join", "进入房间"),
    ("keys", "显示按键"),
    ("kick", "将某人请出房间"),
    ("list", "列出服务器上的房间"),
    ("login", "登录你的账号"),
    ("me", "说你正在做什么"),
    ("mode", "显示或修改模式"),
    ("msg", "向别处发送消息"),
    ("names", "列出房间里的人"),
    ("nick", "更改名字"),
    ("notice", "发送不会被程序自动回复的消息"),
    ("op", "授予某人管理员权限"),
    ("part", "离开房间，但仍可阅读"),
    ("query", "打开与某人的私聊"),
    ("quit", "退出聊天"),
    ("raw", "将一行原样发送给服务器"),
    ("react", "对一条消息作出回应"),
    ("reconnect", "立即重新连接"),
    ("redact", "撤回一条消息"),
    ("register", "用你的名字注册账号"),
    ("reply", "回复一条消息"),
    ("resend", "重发失败的消息"),
    ("say", "说一句话，即使它以 / 开头"),
    ("search", "搜索文字"),
    ("topic", "显示或设置房间主题"),
    ("unban", "解除禁止"),
    ("unignore", "重新显示某人的消息"),
    ("verify", "用收到的验证码完成注册"),
    ("voice", "授予某人发言权"),
    ("whois", "查询某人的信息"),
];

#[cfg(test)]
mod tests {
    use super::*;
    use callbox_session::commands::TABLE;

    #[test]
    fn every_command_has_its_help_in_both_languages() {
        for command in TABLE {
            assert!(!command.help.is_empty());
            assert_ne!(help(command, Language::Chinese), command.help, "/{}", command.name);
        }
        assert_eq!(CHINESE.len(), TABLE.len());
    }
}
