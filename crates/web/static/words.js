// Everything the page says, in English and in Chinese. `{0}` is the first argument.

const languages = typeof navigator === "undefined" ? [] : navigator.languages ?? [];
const first = languages.find((language) => /^(en|zh)\b/i.test(language)) ?? "en";

/** 0 for English, 1 for Chinese. */
const column = /^zh/i.test(first) ? 1 : 0;
/** For `lang`, and for dates. */
export const language = column ? "zh-CN" : "en";
const dates = first;

/**
 * @param {keyof typeof WORDS} key
 * @param {...(string | number)} values
 */
export function t(key, ...values) {
  const text = (WORDS[key] ?? [key, key])[column];
  return values.length ? text.replace(/\{(\d)\}/g, (_, at) => String(values[Number(at)] ?? "")) : text;
}

/** A number of things, of which English tells one from many. */
export const count = (key, number) => t(number === 1 && !column ? `${key}-one` : key, number);

/** The arguments of a command: each word of them as people here call it. */
export const translated = (text) => text.replace(/[a-z]+/g, (word) => t(`a-${word}`).replace(/^a-/, ""));

/** Several words in one sentence: "a, b and c". */
export const list = (words) => new Intl.ListFormat(language, { type: "conjunction" }).format(words);

const formats = {
  time: { hour: "2-digit", minute: "2-digit" },
  full: { dateStyle: "full", timeStyle: "medium" },
  day: { weekday: "long", month: "long", day: "numeric" },
  year: { year: "numeric", month: "long", day: "numeric" },
};
for (const key of Object.keys(formats)) formats[key] = new Intl.DateTimeFormat(dates, formats[key]);

export const time = (at) => formats.time.format(at);
export const full = (at) => formats.full.format(at);

/** A day as people call it. */
export function day(at, now) {
  const date = new Date(at);
  const today = new Date(now);
  const days = Math.round((new Date(today.toDateString()) - new Date(date.toDateString())) / 86_400_000);
  if (days === 0 || days === 1) {
    const text = new Intl.RelativeTimeFormat(language, { numeric: "auto" }).format(-days, "day");
    return text[0].toUpperCase() + text.slice(1);
  }
  return (date.getFullYear() === today.getFullYear() ? formats.day : formats.year).format(date);
}

const WORDS = {
  // Coming in
  "welcome": ["Come in and chat", "进来聊聊"],
  "welcome-text": ["Pick a name, and the conversation starts.", "取个名字，就可以开始聊天了。"],
  "your-name": ["Your name", "你的名字"],
  "guest": ["As a guest", "访客"],
  "login": ["Sign in", "登录"],
  "register": ["New account", "注册"],
  "how": ["How to come in", "进入方式"],
  "account": ["Account", "账号"],
  "password": ["Password", "密码"],
  "email": ["Email (not required)", "邮箱（选填）"],
  "email-hint": ["For when the server needs to reach you.", "仅供服务器在需要时与你联系。"],
  "server-password": ["Password of this server", "服务器密码"],
  "code": ["Confirmation code", "验证码"],
  "enter": ["Start chatting", "开始聊天"],
  "entering": ["One moment…", "请稍候……"],
  "account-why": ["With an account your name is yours, and your conversations and read marks follow you to every device.", "注册账号后，名字归你所有，聊天记录和已读位置会在各设备间同步。"],
  "lobby": ["You will meet in {0}.", "你将进入 {0}。"],
  "need-name": ["Please give a name.", "请填写名字。"],
  "need-password": ["Please give a password.", "请填写密码。"],
  "p-taken": ["The name {0} is taken. How about {1}?", "名字 {0} 已被占用，换成 {1} 怎么样？"],
  "p-bad-name": ["{0} cannot be a name here: no spaces or signs like @ and #, and no digit in front.", "{0} 不能用作名字：不能有空格或 @、# 等符号，也不能以数字开头。"],
  "p-login": ["Signing in failed. Check the account and the password.", "登录失败，请检查账号和密码。"],
  "p-no-login": ["This server knows no accounts. Come in as a guest.", "此服务器不支持账号，请以访客身份进入。"],
  "no-login": ["This server knows no accounts at present. You are here as a guest.", "此服务器目前不支持账号，你现在是访客。"],
  "p-no-register": ["Accounts are made by the administrator here.", "此服务器的账号由管理员创建。"],
  "p-register": ["The account was not made.", "账号未能创建。"],
  "p-password": ["This server asks for a password.", "此服务器需要密码才能进入。"],
  "p-verify": ["Enter the code that was sent to you.", "请输入发送给你的验证码。"],
  "p-account-required": ["Only people with an account may come in here.", "需要账号才能进入。"],
  "p-banned": ["You may not come in here.", "你已被禁止进入。"],
  "registered": ["The account {0} is yours.", "账号 {0} 已注册成功。"],
  // Connection
  "connecting": ["Connecting…", "正在连接……"],
  "lost": ["Connection lost. Next try in {0} s.", "连接已断开，{0} 秒后重试。"],
  "lost-why": ["Connection lost ({1}). Next try in {0} s.", "连接已断开（{1}），{0} 秒后重试。"],
  "lost-off": ["You are not connected.", "当前未连接。"],
  "try-now": ["Try now", "立即重试"],
  "back": ["Connected again.", "已重新连接。"],
  // Rooms
  "rooms": ["Rooms", "房间"],
  "talks": ["People", "私聊"],
  "server": ["Server messages", "服务器消息"],
  "add-room": ["Join or create a room", "加入或创建房间"],
  "room-name": ["Name of the room", "房间名称"],
  "room-key": ["Key (only if it has one)", "密钥（如有）"],
  "join": ["Join", "加入"],
  "join-text": ["If there is no room of this name yet, it is created and you moderate it.", "如果还没有这个名称的房间，将会新建，并由你管理。"],
  "existing": ["Rooms on this server", "服务器上的房间"],
  "no-rooms": ["There is no public room yet.", "还没有公开的房间。"],
  "members": ["{0} people", "{0} 人"],
  "members-one": ["{0} person", "{0} 人"],
  "leave": ["Leave the room", "离开房间"],
  "close-talk": ["Close the conversation", "关闭私聊"],
  "unread": ["{0} unread", "{0} 条未读"],
  "mentioned": ["{0} for you", "{0} 条提到你"],
  "not-joined": ["You are not in this room.", "你不在这个房间里。"],
  "invited": ["{0} invites you to {1}.", "{0} 邀请你加入 {1}。"],
  "topic": ["Topic", "主题"],
  "no-topic": ["No topic yet", "暂无主题"],
  "set-topic": ["Change the topic", "更改主题"],
  "save": ["Save", "保存"],
  "cancel": ["Cancel", "取消"],
  "close": ["Close", "关闭"],
  "menu": ["Show rooms", "显示房间列表"],
  "show-people": ["Show people", "显示成员"],
  "room-menu": ["More about this room", "更多操作"],
  "my-menu": ["You and settings", "我的设置"],
  // Lines
  "lines": ["Messages in {0}", "{0} 的消息"],
  "latest": ["Jump to the latest", "跳到最新消息"],
  "latest-new": ["{0} new", "{0} 条新消息"],
  "new": ["New", "新消息"],
  "older": ["Loading older messages…", "正在加载更早的消息……"],
  "beginning": ["This is the beginning of {0}.", "这里是 {0} 的开头。"],
  "talk-beginning": ["This is the beginning of your conversation with {0}.", "这里是你与 {0} 私聊的开头。"],
  "no-more": ["Older messages are not kept on this page.", "此页面不再保留更早的消息。"],
  "guest-talk": ["Guests’ conversations end when they leave.", "访客的私聊在离开后不再保留。"],
  "empty": ["Nobody has said anything yet. Say hello!", "还没有人发言，打个招呼吧！"],
  "server-empty": ["What the server says appears here.", "服务器的消息会显示在这里。"],
  "edited": ["edited", "已编辑"],
  "redacted": ["Message deleted", "消息已删除"],
  "redacted-by": ["Deleted by {0}", "已被 {0} 删除"],
  "bot": ["bot", "机器人"],
  "sending": ["Sending", "发送中"],
  "waiting": ["Waiting for the connection", "等待连接"],
  "sent": ["Delivered", "已送达"],
  "failed": ["Not sent", "未发送"],
  "unknown": ["connection lost while it was sent", "发送时连接中断"],
  "again": ["Send again", "重新发送"],
  "discard": ["Discard", "放弃"],
  "reply": ["Reply", "回复"],
  "replying": ["Replying to {0}", "回复 {0}"],
  "reply-to": ["In reply to {0}: {1}", "回复 {0}：{1}"],
  "reply-old": ["In reply to an older message", "回复更早的一条消息"],
  "no-react": ["This reaction cannot be sent.", "无法发送此回应。"],
  "react": ["React", "添加回应"],
  "reaction": ["{0}: {1}", "{0}：{1}"],
  "edit": ["Edit", "编辑"],
  "editing": ["Editing your message", "正在编辑你的消息"],
  "delete": ["Delete", "删除"],
  "delete-sure": ["Delete this message for everybody?", "为所有人删除这条消息？"],
  "copy": ["Copy the text", "复制文字"],
  "notice": ["notice", "通知"],
  "e-join": ["{0} came in", "{0} 进来了"],
  "e-part": ["{0} left", "{0} 离开了"],
  "e-quit": ["{0} went offline", "{0} 下线了"],
  "e-nick": ["{0} is now {1}", "{0} 改名为 {1}"],
  "e-kick": ["{0} put {1} out", "{0} 请出了 {1}"],
  "e-topic": ["{0} changed the topic: {1}", "{0} 将主题改为：{1}"],
  "e-no-topic": ["{0} removed the topic", "{0} 清除了主题"],
  "e-mode": ["{0} set {1}", "{0} 设置了 {1}"],
  "e-rename": ["{0} renamed {1} to {2}", "{0} 将 {1} 改名为 {2}"],
  "e-invite": ["{0} invited {1}", "{0} 邀请了 {1}"],
  "e-away": ["{0} is away: {1}", "{0} 暂时离开：{1}"],
  "e-now-away": ["You are marked as away.", "你已标记为离开。"],
  "e-now-back": ["You are back.", "你回来了。"],
  "says": ["{0}: {1}", "{0}：{1}"],
  // Composer
  "write": ["Message {0}", "发消息到 {0}"],
  "write-server": ["Type /help for what you can do here", "输入 /help 查看可用命令"],
  "send": ["Send", "发送"],
  "hints": ["Suggestions", "建议"],
  "paste": ["Send {0} lines?", "发送 {0} 行？"],
  "paste-text": ["You pasted {0} lines. They will be sent as one message where the server knows that, else line by line.", "你粘贴了 {0} 行文字。若服务器支持，将作为一条消息发送，否则逐行发送。"],
  "paste-keep": ["Put into the message", "放入输入框"],
  "only-commands": ["Only commands can be written here. /help lists them all.", "这里只能输入命令，输入 /help 查看全部命令。"],
  "too-much": ["That is too much at once.", "一次发送的内容太多。"],
  "typing-1": ["{0} is writing…", "{0} 正在输入……"],
  "typing-2": ["{0} are writing…", "{0} 正在输入……"],
  "typing-many": ["Several people are writing…", "多人正在输入……"],
  // People
  "people": ["People", "成员"],
  "rank-@": ["Operators", "管理员"],
  "rank-%": ["Half-operators", "协管员"],
  "rank-+": ["Voiced", "有发言权"],
  "rank-": ["Here", "在线"],
  "find-people": ["Find people", "查找成员"],
  "more-people": ["and {0} more", "还有 {0} 人"],
  "away": ["away", "离开"],
  "offline": ["offline", "离线"],
  "you": ["you", "你"],
  "talk": ["Write to {0}", "给 {0} 发消息"],
  // Menus
  "change-name": ["Change name", "更改名字"],
  "set-away": ["Mark as away", "标记为离开"],
  "set-back": ["I am back", "我回来了"],
  "notify": ["Turn on notifications", "开启通知"],
  "notify-on": ["Notifications are on", "通知已开启"],
  "notify-no": ["The browser blocks notifications of this page.", "浏览器已阻止此页面的通知。"],
  "quit": ["Leave the chat", "退出聊天"],
  "signed-in": ["Signed in as {0}", "已登录：{0}"],
  "as-guest": ["Guest", "访客"],
  "help": ["Help", "帮助"],
  "commands": ["Commands", "命令"],
  "keys": ["Keys", "快捷键"],
  "search": ["Search", "搜索"],
  "search-in": ["Search in {0}", "在 {0} 中搜索"],
  "found": ["{0} of {1}", "第 {0} 条，共 {1} 条"],
  "found-none": ["Nothing found in what is loaded", "已加载的消息中没有结果"],
  "previous": ["Previous match", "上一条"],
  "next": ["Next match", "下一条"],
  "no-command": ["There is no command {0}. /help lists them all.", "没有 {0} 命令，输入 /help 查看全部命令。"],
  "usage": ["Usage: {0}", "用法：{0}"],
  // Commands
  "c-help": ["lists commands and keys", "列出命令和快捷键"],
  "c-join": ["joins a room, or creates it", "加入或创建房间"],
  "c-leave": ["leaves this room", "离开当前房间"],
  "c-msg": ["writes to somebody", "给某人发私信"],
  "c-query": ["opens a conversation", "打开私聊"],
  "c-me": ["says what you do", "描述你的动作"],
  "c-notice": ["says it as a notice", "以通知形式发送"],
  "c-nick": ["changes your name", "更改名字"],
  "c-topic": ["shows or changes the topic", "查看或更改主题"],
  "c-away": ["marks you as away", "标记为离开"],
  "c-back": ["says that you are back", "取消离开状态"],
  "c-invite": ["invites somebody into this room", "邀请某人加入当前房间"],
  "c-kick": ["puts somebody out of this room", "将某人请出房间"],
  "c-op": ["makes somebody an operator", "设为管理员"],
  "c-deop": ["takes that back", "取消管理员"],
  "c-ban": ["keeps a mask out of this room", "禁止符合掩码的人进入房间"],
  "c-unban": ["takes that back", "解除禁止"],
  "c-mode": ["shows or changes modes", "查看或更改模式"],
  "c-rename": ["gives this room another name", "为房间改名"],
  "c-whois": ["says who somebody is", "查看某人的信息"],
  "c-list": ["lists rooms", "列出房间"],
  "c-search": ["searches in what is loaded", "在已加载的消息中搜索"],
  "c-login": ["signs in to an account", "登录账号"],
  "c-register": ["makes an account of your name", "以当前名字注册账号"],
  "c-raw": ["sends a line of IRC as it is", "直接发送一行 IRC 命令"],
  "c-quit": ["leaves the chat", "退出聊天"],
  "a-name": ["name", "名字"],
  "a-text": ["text", "文字"],
  "a-room": ["room", "房间"],
  "a-key": ["key", "密钥"],
  "a-reason": ["reason", "原因"],
  "a-mask": ["mask", "掩码"],
  "a-changes": ["changes", "变更"],
  "a-account": ["account", "账号"],
  "a-password": ["password", "密码"],
  "a-email": ["email", "邮箱"],
  "a-line": ["line", "命令行"],
  // Somebody
  "details": ["Details", "查看资料"],
  "make-operator": ["Make operator", "设为管理员"],
  "put-out": ["Put out of the room", "请出房间"],
  "realname": ["Real name", "真实姓名"],
  "address": ["Address", "地址"],
  "since": ["Here since", "上线时间"],
  "idle": ["Silent for", "空闲"],
  "minutes": ["{0} min", "{0} 分钟"],
  "besides": ["Besides", "其他"],
  "secure": ["secure connection", "加密连接"],
  // Keys
  "k-send": ["sends; with Shift it begins a new line", "发送；按住 Shift 则换行"],
  "k-tab": ["completes names, rooms and commands", "补全名字、房间和命令"],
  "k-up": ["in an empty message: edits your last one; with Ctrl: what you sent before", "输入框为空时编辑上一条消息；按住 Ctrl 则翻看已发送内容"],
  "k-rooms": ["the room above, below; with Shift: the next unread one", "切换到上一个或下一个房间；按住 Shift 则跳到有未读消息的房间"],
  "k-log": ["goes to the messages and back", "在消息区与输入框之间切换"],
  "k-line": ["in the messages: moves, replies, reacts, edits, deletes", "在消息区：移动、回复、添加回应、编辑、删除"],
  "k-search": ["searches", "搜索"],
  "k-escape": ["closes what is open, or marks the room as read", "关闭弹出内容，或将房间标为已读"],
  "k-page": ["scrolls the messages", "滚动消息"],
};
