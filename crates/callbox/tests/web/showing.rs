//! What it looks like: languages, day and night, a phone. The pictures are for people to look at.

use callbox_testkit::browser::Key;

use crate::{Irc, Server, Visit};

/// A room in which something happened.
fn furnished(server: &Server) -> Irc {
    let mut bob = Irc::register_with(server.address, "bob", "message-tags echo-message");
    bob.join("#lobby");
    bob.say("Good morning! Who is coming to the lake on Saturday?");
    let said = bob.expect("PRIVMSG #lobby :Good");
    let id = said
        .split("msgid=")
        .nth(1)
        .and_then(|rest| rest.split([';', ' ']).next())
        .expect("an id")
        .to_owned();
    let mut carol = Irc::register_with(server.address, "小雨", "message-tags");
    carol.join("#lobby");
    carol.say("我来！天气预报说是晴天 ☀️ https://example.org/weather?city=lake");
    carol.send(&format!("@+draft/react=🎉;+draft/reply={id} TAGMSG #lobby"));
    carol.send(&format!("@+draft/reply={id} PRIVMSG #lobby :Shall I bring the \u{2}boat\u{2}?"));
    carol.so_far();
    bob.say("Yes please, and the \u{11}rope\u{11} that is in the shed. I will take care of the food, and of the map that we \
             forgot the last time we went there.");
    bob.send("PRIVMSG #lobby :\u{1}ACTION packs\u{1}");
    bob.so_far();
    bob
}

/// Whether nothing sticks out to the side.
const FITS: &str = "document.documentElement.scrollWidth <= document.documentElement.clientWidth \
     && [...document.querySelectorAll('#log, #rooms, #people, dialog')].every((one) => one.scrollWidth <= one.clientWidth + 1)";

#[test]
fn day_and_night_and_every_view_have_a_picture() {
    let server = Server::start();
    let _bob = furnished(&server);
    let mut visit = Visit::new(&server);
    for scheme in ["light", "dark"] {
        visit.prefer(&[("prefers-color-scheme", scheme)]);
        visit.picture(&format!("entry-{scheme}"));
    }
    let luminance = |visit: &mut Visit| {
        let color = visit.text("getComputedStyle(document.body).backgroundColor");
        let numbers =
            color.split(|c: char| !c.is_ascii_digit()).filter_map(|n| n.parse::<u32>().ok());
        numbers.take(3).sum::<u32>() / 3
    };
    assert!(luminance(&mut visit) < 80);
    visit.prefer(&[("prefers-color-scheme", "light")]);
    assert!(luminance(&mut visit) > 180);
    visit.come_in("alice");
    visit.expect("Yes please");
    visit.say("I will be there, too.");
    visit.expect("I will be there");
    visit.keys("half a line");
    for scheme in ["light", "dark"] {
        visit.prefer(&[("prefers-color-scheme", scheme)]);
        visit.picture(&format!("chat-{scheme}"));
    }
    visit.write("#text", "/join #tea");
    visit.press(Key::Enter);
    visit.wait_for("probe.room_shown()?.includes('tea')");
    visit.picture("room-empty");
    visit.press_named("Join or create a room");
    visit.wait_for("document.querySelector('dialog .existing [data-name]')");
    visit.picture("dialog-join");
    visit.press(Key::Escape);
    visit.press_named("You and settings");
    visit.picture("menu");
    // Who wants no movement gets none.
    visit.press(Key::Escape);
    visit.prefer(&[("prefers-reduced-motion", "reduce")]);
    let moving = visit.value(
        "[...document.querySelectorAll('*')].map((one) => getComputedStyle(one)).some((style) => \
         parseFloat(style.transitionDuration) > 0.01 || parseFloat(style.animationDuration) > 0.01)",
    );
    assert_eq!(moving, false);
}

#[test]
fn chinese_browsers_get_a_chinese_page() {
    let server = Server::start();
    let _bob = furnished(&server);
    let mut visit = Visit::in_language("zh-CN", &server.page());
    assert_eq!(visit.text("document.documentElement.lang"), "zh-CN");
    visit.wait_for("probe.named('开始聊天')");
    visit.picture("entry-chinese");
    visit.come_in("小明");
    visit.expect("我来");
    visit.picture("chat-chinese");
    // Of the page's own words none is English: what is left is names and what people said.
    let left = visit.value(
        "[...document.querySelectorAll('button, input, textarea, h1, h2, h3, [aria-label], [title]')]
           .filter((one) => !one.closest('#log .line') && !one.closest('#rooms .room') && !one.closest('bdi'))
           .flatMap((one) => [one.getAttribute('aria-label'), one.placeholder])
           .filter((text) => text && /[a-z]{3}/i.test(text.replace(/#?lobby|callbox|alice|bob/g, '')))",
    );
    assert_eq!(left, callbox_testkit::browser::serde_json::json!([]));
}

#[test]
fn on_a_phone_everything_is_within_the_width_of_the_screen() {
    let server = Server::start();
    let mut bob = furnished(&server);
    bob.say(&"W".repeat(300));
    bob.say(&format!("https://example.org/{}", "a/".repeat(150)));
    let mut visit = Visit::new(&server);
    for (width, height) in [(320, 568), (390, 844)] {
        visit.become_phone(width, height);
        visit.wait_for(FITS);
        visit.picture(&format!("phone-entry-{width}"));
    }
    visit.come_in("alice");
    visit.expect("https://example.org/a");
    for (width, height) in [(320, 568), (390, 844)] {
        visit.become_phone(width, height);
        visit.wait_for(FITS);
        visit.picture(&format!("phone-chat-{width}"));
        for (button, drawer) in [("Show rooms", "#rooms"), ("Show people", "#people")] {
            visit.press_named(button);
            let inside = format!(
                "(() => {{ const box = document.querySelector('{drawer}').getBoundingClientRect(); \
                 return box.left >= 0 && box.right <= innerWidth && box.width > 0; }})()"
            );
            visit.wait_for(&inside);
            visit.wait_for(FITS);
            visit.picture(&format!("phone-{}-{width}", &drawer[1..]));
            visit.press(Key::Escape);
            visit.wait_for(&format!("!{inside} || !probe.shown('{drawer}')"));
        }
    }
    // What is pressed is large enough for a finger (WCAG 2.2, 2.5.8: 24 by 24 at the least).
    let small = visit.value(
        "[...document.querySelectorAll('#head button, #composer button, #rooms button')]
           .filter((one) => one.checkVisibility()).map((one) => [one.title || one.textContent, one.getBoundingClientRect()])
           .filter(([, { width, height }]) => width && (width < 24 || height < 24)).map(([name]) => name)",
    );
    assert_eq!(small, callbox_testkit::browser::serde_json::json!([]));
}
