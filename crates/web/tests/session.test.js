// One session and its server, line by line: coming in, saying, hearing.

import { CAPS, same, START, texts, that, Wire } from "./check.js";

const unread = (room) => [room.unread, room.mentions];
const label = (line) => /@(?:[^ ]*;)?label=([^ ;]+)/.exec(line)?.[1];

export const tests = [
  {
    name: "it comes in: capabilities, a name, the welcome, the rooms",
    run() {
      const wire = new Wire();
      same(wire.sent(), ["CAP LS 302", "NICK alice", "USER alice 0 * alice"]);
      const asked = wire.hear(":s CAP * LS * :batch echo-message unknown/thing", ":s CAP * LS :server-time sts=port=1");
      same(asked, ["CAP REQ :batch echo-message server-time"]);
      same(wire.hear(":s CAP * ACK :batch echo-message server-time"), ["CAP END"]);
      same(wire.welcome(), ["JOIN #tea"]);
      that(wire.session.online);
    },
  },
  {
    name: "a refused group of capabilities is asked for one by one",
    run() {
      const wire = new Wire();
      wire.sent();
      wire.hear(":s CAP * LS :batch setname");
      same(wire.hear(":s CAP * NAK :batch setname"), ["CAP REQ batch", "CAP REQ setname"]);
      same(wire.hear(":s CAP * ACK :batch", ":s CAP * NAK :setname"), ["CAP END"]);
    },
  },
  {
    name: "a taken name is asked about, and another one taken",
    run() {
      const wire = new Wire();
      wire.negotiate();
      wire.hear(":s 433 * alice :Nickname is already in use");
      same(wire.session.problem.code, "taken");
      wire.session.start({ ...wire.settings, name: "alice7" }, wire.now);
      same(wire.sent(), ["NICK alice7"]);
      wire.welcome("alice7");
      same([wire.session.me.nick, wire.session.problem], ["alice7", null]);
    },
  },
  {
    name: "it signs in by SASL PLAIN before it comes in, and a wrong password is asked about",
    run() {
      const wire = new Wire({ settings: { mode: "login", account: "Alice", password: "pässword" } });
      wire.negotiate();
      const [first] = wire.hear("AUTHENTICATE +");
      const bytes = Uint8Array.from(atob(first.split(" ")[1]), (char) => char.charCodeAt(0));
      same(new TextDecoder().decode(bytes), "\0Alice\0pässword");
      same(wire.hear(":s 904 alice :SASL authentication failed"), []);
      same(wire.session.problem.code, "login");
      wire.session.start({ ...wire.settings, password: "right" }, wire.now);
      same(wire.sent(), ["AUTHENTICATE PLAIN"]);
      wire.hear("AUTHENTICATE +");
      same(wire.hear(":s 900 alice a!b@c Alice :You are now logged in", ":s 903 alice :ok"), ["CAP END"]);
      same(wire.session.me.account, "Alice");
    },
  },
  {
    name: "who takes another way in after a taken name goes that way",
    run() {
      const wire = new Wire({ settings: { mode: "register", password: "correct-horse" } });
      wire.sent();
      wire.hear(":s 433 * alice :in use");
      wire.hear(":s CAP * LS :draft/account-registration=before-connect sasl");
      same(wire.hear(":s CAP * ACK :draft/account-registration sasl"), [], "an account takes a name first");
      wire.session.start({ ...wire.settings, name: "alice7" }, wire.now);
      same(wire.sent(), ["NICK alice7", "REGISTER * * correct-horse"]);
      const guest = new Wire();
      guest.negotiate();
      guest.hear(":s 433 * alice :in use");
      guest.session.start({ ...guest.settings, name: "bob", mode: "login", account: "bob", password: "secret" }, guest.now);
      same(guest.sent(), ["NICK bob"]);
      that(guest.welcome("bob").includes("AUTHENTICATE PLAIN"));
    },
  },
  {
    name: "who was in comes back without the account if its password changed",
    run() {
      const wire = new Wire({ settings: { mode: "login", account: "alice", password: "old" } });
      wire.negotiate();
      wire.hear("AUTHENTICATE +", ":s 900 alice a!b@c alice :ok", ":s 903 alice :ok");
      wire.welcome();
      wire.lose();
      wire.pass(1_000);
      wire.open();
      wire.negotiate();
      wire.hear("AUTHENTICATE +");
      same(wire.hear(":s 904 alice :failed"), ["CAP END"]);
      wire.welcome();
      same([wire.session.problem.code, wire.session.settings.mode], ["login", "guest"], "it is still to be said inside");
    },
  },
  {
    name: "who was in comes back without the account, and is told, if the server has no accounts any more",
    run() {
      const without = (name) => CAPS.split(" ").filter((cap) => !cap.startsWith(name)).join(" ");
      const wire = new Wire({ settings: { mode: "login", account: "alice", password: "secret" } });
      wire.negotiate();
      wire.hear("AUTHENTICATE +", ":s 900 alice a!b@c alice :ok", ":s 903 alice :ok");
      wire.welcome();
      const again = (caps) => {
        wire.lose();
        wire.pass(1_000);
        wire.open();
        wire.caps = caps;
        wire.sent();
        return wire.negotiate().at(-1);
      };
      same(again(without("sasl")), "CAP END");
      wire.welcome();
      same([wire.session.online, wire.session.problem.code], [true, "no-login"]);
      wire.session.problem = null;
      same(again(CAPS), "AUTHENTICATE PLAIN", "the next time it is tried again");
      // An account that was asked for inside holds nobody up either.
      const guest = new Wire().enter();
      guest.session.register("secret", "");
      guest.lose();
      guest.pass(1_000);
      guest.open();
      guest.caps = without("draft/account-registration");
      guest.sent();
      same(guest.negotiate().at(-1), "CAP END");
    },
  },
  {
    name: "a room with a key is joined again by it, and who leaves the chat leaves nothing to the next",
    run() {
      const wire = new Wire().enter();
      wire.session.join("#cellar", "sesame");
      that(wire.sent()[0].endsWith("JOIN #cellar sesame"));
      wire.enterRoom();
      wire.enterRoom([], "#cellar");
      wire.lose();
      wire.pass(1_000);
      wire.open();
      wire.negotiate();
      same(wire.welcome(), ["JOIN #cellar sesame", "JOIN #tea"]);
      wire.session.quit();
      same([wire.sent(), wire.session.pollWish()], [["QUIT"], "close"]);
      same([[...wire.session.rooms.keys()], wire.session.me.nick], [[""], ""]);
    },
  },
  {
    name: "a clock that is wrong hides nothing: what is read is told by the server's time",
    run() {
      const wire = new Wire().enter();
      wire.now += 3_600_000;
      const late = wire.now - 3_600_000;
      const asked = wire.hear(`@time=${wire.stamp(late)};msgid=j :alice!~a@host JOIN #tea * :A`, `@time=${wire.stamp(late)} :s MARKREAD #tea *`);
      const room = wire.session.rooms.get("#tea");
      wire.page(asked.find((line) => line.includes("CHATHISTORY")), []);
      wire.hear(wire.said("bob", "1", "hello", "#tea", late + 5));
      same(unread(room), [1, 0]);
    },
  },
  {
    name: "a long password goes in pieces of 400 bytes, with an empty one behind a full one",
    run() {
      const wire = new Wire({ settings: { mode: "login", account: "a", password: "x".repeat(297) } });
      wire.negotiate();
      const pieces = wire.hear("AUTHENTICATE +").map((line) => line.split(" ")[1]);
      same([pieces[0].length, pieces[1]], [400, "+"]);
    },
  },
  {
    name: "an account is made on the way in, and signed in to after that",
    run() {
      const wire = new Wire({ settings: { mode: "register", password: "secret-1", email: "" } });
      wire.sent();
      wire.hear(":s CAP * LS :draft/account-registration=before-connect sasl");
      same(wire.hear(":s CAP * ACK :draft/account-registration sasl"), ["REGISTER * * secret-1"]);
      wire.hear(":s FAIL REGISTER WEAK_PASSWORD alice :Too short");
      same([wire.session.problem.code, wire.session.problem.text], ["register", "Too short"]);
      wire.session.start({ ...wire.settings, password: "better-secret" }, wire.now);
      same(wire.sent(), ["REGISTER * * better-secret"]);
      same(wire.hear(":s REGISTER SUCCESS alice :ok"), ["CAP END"]);
      same([wire.session.settings.mode, wire.session.settings.account], ["login", "alice"]);
    },
  },
  {
    name: "a room is entered with its people, topic and last page",
    run() {
      const wire = new Wire().enter();
      const asked = wire.hear(":alice!~a@host JOIN #tea * :A", ":s 332 alice #tea :hot water", ":s 353 alice = #tea :@bob %+carl alice", ":s 366 alice #tea :End");
      same(asked.map((line) => line.replace(/@label=\S+ /, "")), ["CHATHISTORY LATEST #tea * 80", "WHO #tea"]);
      const room = wire.session.rooms.get("#tea");
      same([...room.members.values()].map(({ nick, ranks }) => ranks + nick), ["alice", "@bob", "%+carl"]);
      wire.page(asked[0], [wire.said("bob", "1", "one"), wire.said("bob", "2", "two")]);
      same([room.topic, texts(room), room.caughtUp], ["hot water", ["one", "two"], true]);
      wire.hear(":bob!b@h MODE #tea +o-h alice carl", ":bob!b@h QUIT :bye", ":carl!c@h NICK charles");
      same([...room.members.values()].map(({ nick, ranks }) => ranks + nick), ["@alice", "+charles"]);
    },
  },
  {
    name: "an own line is waiting, sending, received: its echo is known by the label",
    run() {
      const wire = new Wire().enter();
      const room = wire.enterRoom();
      wire.session.say(room, "hello there", wire.now);
      const [line] = wire.sent();
      same(line.replace(/@label=\S+ /, ""), "PRIVMSG #tea :hello there");
      same([room.pending.map(({ state }) => state), texts(room)], [["sending"], []]);
      wire.hear(wire.said("bob", "1", "hello there"));
      same(room.pending.length, 1, "another's line of the same words is no echo");
      wire.hear(wire.said("alice", "2", "hello there", "#tea", wire.now, `;label=${label(line)}`));
      same([room.pending.length, texts(room)], [0, ["hello there", "hello there"]]);
      same(unread(room), [1, 0]);
    },
  },
  {
    name: "a refused line says so, and is sent again when asked",
    run() {
      const wire = new Wire().enter();
      const room = wire.enterRoom();
      wire.session.say(room, "psst", wire.now);
      const [line] = wire.sent();
      wire.hear(`@label=${label(line)} :s 404 alice #tea :Cannot send to channel`);
      same([room.pending[0].state, room.pending[0].reason], ["failed", "Cannot send to channel"]);
      wire.session.again(room, room.pending[0], wire.now);
      const [again] = wire.sent();
      that(label(again) !== label(line) && again.endsWith("PRIVMSG #tea psst"));
      same(room.pending[0].state, "sending");
    },
  },
  {
    name: "without echoes a line counts as said when it is sent; without labels the echo is known by its text",
    run() {
      const bare = new Wire({ caps: "server-time message-tags" }).enter();
      bare.hear(":alice!~a@host JOIN #tea");
      const room = bare.session.rooms.get("#tea");
      bare.session.say(room, "one", bare.now);
      same([texts(room), room.pending.length], [["one"], 0]);
      const echo = new Wire({ caps: "echo-message" }).enter();
      echo.hear(":alice!~a@host JOIN #tea");
      const other = echo.session.rooms.get("#tea");
      echo.session.say(other, "one\ntwo", echo.now);
      echo.hear(":alice!~a@host PRIVMSG #tea :one");
      same([texts(other), other.pending.map(({ text }) => text)], [["one"], ["two"]]);
    },
  },
  {
    name: "several lines are one message where the server knows that, else one each",
    run() {
      const wire = new Wire().enter();
      const room = wire.enterRoom();
      wire.session.say(room, "one\n\nthree\n", wire.now, { reply: "7" });
      const lines = wire.sent();
      that(/^@label=\S+;\+draft\/reply=7 BATCH \+(\S+) draft\/multiline #tea$/.test(lines[0]), lines[0]);
      same(lines.slice(1).map((line) => line.replace(/m\w+/, "m")), ["@batch=m PRIVMSG #tea one", "@batch=m PRIVMSG #tea :", "@batch=m PRIVMSG #tea three", "BATCH -m"]);
      wire.hear(`@label=${label(lines[0])};time=${wire.stamp()};msgid=9 :alice!~a@host BATCH +b draft/multiline #tea`,
        "@batch=b :alice!~a@host PRIVMSG #tea one", "@batch=b :alice!~a@host PRIVMSG #tea :", "@batch=b :alice!~a@host PRIVMSG #tea thr",
        "@batch=b;draft/multiline-concat :alice!~a@host PRIVMSG #tea ee", ":alice!~a@host BATCH -b");
      same([texts(room), room.pending.length], [["one\n\nthree"], 0]);
      wire.session.say(room, "x\n".repeat(25), wire.now);
      same(wire.sent().filter((line) => line.startsWith("BATCH -")).length, 3, "ten lines at most in one message");
      const plain = new Wire({ caps: "echo-message" }).enter();
      plain.hear(":alice!~a@host JOIN #tea");
      plain.session.say(plain.session.rooms.get("#tea"), "one\n\ntwo", plain.now);
      same(plain.sent(), ["PRIVMSG #tea one", "PRIVMSG #tea two"]);
    },
  },
  {
    name: "a long line is cut so that others get it whole behind our prefix",
    run() {
      const wire = new Wire({ caps: "echo-message" }).enter();
      wire.hear(":alice!~a@some.host JOIN #tea");
      wire.sent();
      wire.session.say(wire.session.rooms.get("#tea"), "长".repeat(500), wire.now);
      const lines = wire.sent();
      const sizes = lines.map((line) => new TextEncoder().encode(`:alice!~a@some.host PRIVMSG #tea :${line.slice("PRIVMSG #tea ".length)}\r\n`).length);
      that(sizes.every((size) => size <= 512) && sizes[0] > 509, String(sizes));
      same(lines.map((line) => line.slice("PRIVMSG #tea ".length)).join(""), "长".repeat(500));
    },
  },
  {
    name: "lines are counted until they are read, and the server is told once",
    run() {
      const wire = new Wire().enter();
      const room = wire.enterRoom();
      wire.hear(":s MARKREAD #tea *");
      wire.now += 10;
      wire.hear(wire.said("bob", "1", "hello"), wire.said("bob", "2", "hi Alice!"), wire.said("alice", "3", "mine"));
      same(unread(room), [2, 1]);
      wire.hear(`:s MARKREAD #tea timestamp=${wire.stamp()}`);
      same(unread(room), [0, 0]);
      wire.now += 10;
      wire.hear(wire.said("bob", "4", "more"));
      wire.session.markRead(room, wire.now);
      wire.session.markRead(room, wire.now);
      same(wire.sent(), []);
      same(wire.pass(1_000), [`MARKREAD #tea timestamp=${wire.stamp(wire.now - 1_000)}`]);
      same(wire.pass(5_000), []);
    },
  },
  {
    name: "a private message opens a conversation, and an answer goes there",
    run() {
      const wire = new Wire().enter();
      const asked = wire.hear(wire.said("Bob", "1", "psst", "alice"));
      const room = wire.session.rooms.get("bob");
      that(asked.some((line) => line.endsWith("CHATHISTORY LATEST Bob * 80")), String(asked));
      wire.page(asked.find((line) => line.includes("CHATHISTORY")), [wire.said("Bob", "1", "psst", "alice")]);
      same([texts(room), unread(room)], [["psst"], [1, 1]]);
      wire.session.say(room, "yes?", wire.now);
      const line = wire.sent().at(-1);
      wire.hear(wire.said("alice", "2", "yes?", "Bob", wire.now, `;label=${label(line)}`));
      same(texts(room), ["psst", "yes?"]);
      wire.hear(":Bob!b@h NICK Rob");
      same([wire.session.rooms.get("rob"), wire.session.rooms.has("bob")], [room, false]);
    },
  },
  {
    name: "a typing notice goes out every three seconds, ends, and is heard",
    run() {
      const wire = new Wire().enter();
      const room = wire.enterRoom();
      wire.session.type(room, true, wire.now);
      wire.session.type(room, true, wire.now + 2_000);
      wire.session.type(room, true, wire.now + 3_000);
      wire.session.type(room, false, wire.now + 3_100);
      wire.session.type(room, false, wire.now + 3_200);
      same(wire.sent(), ["@+typing=active TAGMSG #tea", "@+typing=active TAGMSG #tea", "@+typing=done TAGMSG #tea"]);
      wire.hear("@+typing=active :bob!b@h TAGMSG #tea", "@+typing=active :eve!b@h TAGMSG #tea", "@+typing=done :eve!b@h TAGMSG #tea");
      same([...room.typing.keys()], ["bob"]);
      same(wire.session.pollTimeout(), wire.now + 6_000);
      wire.pass(6_000);
      same(room.typing.size, 0);
    },
  },
  {
    name: "what the server denies is not sent: typing, reactions, edits",
    run() {
      const wire = new Wire().enter();
      const room = wire.enterRoom();
      wire.hear(":s 005 alice CLIENTTAGDENY=* :are supported");
      wire.session.type(room, true, wire.now);
      wire.session.say(room, "x", wire.now, { reply: "1", edits: "2" });
      same(wire.sent().map((line) => line.replace(/label=\S+/, "label")), ["@label PRIVMSG #tea x"]);
    },
  },
  {
    name: "reactions, redactions and edits are heard, now and in pages",
    run() {
      const wire = new Wire().enter();
      const room = wire.enterRoom([wire.said("bob", "a", "past", "#tea", START - 50)]);
      wire.hear(wire.said("bob", "1", "teh"), `@msgid=2;+draft/reply=1;+draft/react=👍 :eve!e@h TAGMSG #tea`,
        wire.said("bob", "3", "the", "#tea", wire.now, ";+draft/edit=1"), wire.said("bob", "4", "secret"), ":bob!b@h REDACT #tea 4 :oops");
      const [first, second] = room.timeline.lines.filter(({ text, redacted }) => text === "the" || redacted);
      same([first.text, first.edited, [...first.reactions.keys()]], ["the", true, ["👍"]]);
      same([second.text, second.redacted.reason], ["", "oops"]);
      same(unread(room), [2, 0], "what was taken back, and an edit, are not counted");
      wire.session.loadOlder(room, wire.now);
      const [asked] = wire.sent();
      wire.page(asked, [wire.said("bob", "0", "old", "#tea", START - 1), `@time=${wire.stamp()};msgid=2;+draft/reply=1;+draft/react=👍 :eve!e@h TAGMSG #tea`]);
      same([...first.reactions.get("👍").keys()], ["eve"]);
    },
  },
  {
    name: "a reaction stands at once, goes once, and is taken away where the server refuses it",
    run() {
      const wire = new Wire().enter();
      const room = wire.enterRoom();
      wire.hear(wire.said("bob", "1", "tea?"));
      const line = room.timeline.byId.get("1");
      const stands = (emoji) => Boolean(line.reactions?.get(emoji)?.get("alice")?.on);
      that(wire.session.react(room, line, "👍", true, wire.now));
      const [sent] = wire.sent();
      that(sent.endsWith(";+draft/reply=1;+draft/react=👍 TAGMSG #tea") && stands("👍"), sent);
      wire.hear(`@time=${wire.stamp()};msgid=2;label=${label(sent)};+draft/reply=1;+draft/react=👍 :alice!a@h TAGMSG #tea`);
      same([stands("👍"), room.reacting.size], [true, 0]);
      wire.now += 1;
      wire.session.react(room, line, "👍", false, wire.now);
      that(wire.sent()[0].includes("+draft/unreact=👍") && !stands("👍"));
      wire.session.react(room, line, "🎉", true, wire.now);
      wire.hear(`@label=${label(wire.sent()[0])} :s 404 alice #tea :Cannot send to channel`);
      same([stands("🎉"), room.reacting.size], [false, 1], "the one that is not answered yet");
      wire.hear(":s 005 alice CLIENTTAGDENY=draft/react :are supported");
      same([wire.session.react(room, line, "🎉", true, wire.now), wire.sent()], [false, []]);
    },
  },
  {
    name: "pages above are fetched until one brings nothing new",
    run() {
      const wire = new Wire().enter();
      const asked = wire.hear(`@time=${wire.stamp()};msgid=j :alice!~a@host JOIN #tea * :A`);
      const room = wire.session.rooms.get("#tea");
      wire.page(asked.find((line) => line.includes("CHATHISTORY")), [wire.said("bob", "9", "nine", "#tea", START - 9)]);
      wire.session.loadOlder(room, wire.now);
      wire.session.loadOlder(room, wire.now);
      const first = wire.sent();
      same(first.map((line) => line.replace(/@label=\S+ /, "")), ["CHATHISTORY BEFORE #tea msgid=9 100"], "one at a time");
      wire.page(first[0], [wire.said("bob", "7", "seven", "#tea", START - 20), wire.said("bob", "8", "eight", "#tea", START - 10)]);
      wire.session.loadOlder(room, wire.now);
      const [second] = wire.sent();
      that(second.includes("msgid=7"), second);
      wire.page(second, []);
      wire.session.loadOlder(room, wire.now);
      same([wire.sent(), texts(room), room.complete], [[], ["seven", "eight", "nine"], true]);
    },
  },
  {
    name: "a page bound to a line that is gone is asked for by its time",
    run() {
      const wire = new Wire().enter();
      const room = wire.enterRoom([wire.said("bob", "9", "nine", "#tea", START)]);
      wire.session.loadOlder(room, wire.now);
      const [asked] = wire.sent();
      const [again] = wire.hear(`@label=${label(asked)} :s FAIL CHATHISTORY MESSAGE_ERROR BEFORE #tea :not kept`);
      that(again.includes(`timestamp=${wire.stamp(START + 1)}`), again);
      wire.hear(`@label=${label(again)} :s FAIL CHATHISTORY MESSAGE_ERROR BEFORE #tea :not kept`);
      that(room.complete);
    },
  },
  {
    name: "a batch that never ends, and one that was never begun, do no harm",
    run() {
      const wire = new Wire().enter();
      const room = wire.enterRoom();
      for (let at = 0; at < 200; at += 1) wire.hear(`:s BATCH +${at} netjoin a b`);
      wire.hear("@batch=none :bob!b@h PRIVMSG #tea :heard", ":s BATCH -none", ":s BATCH", "@batch=1 :bob!b@h PRIVMSG #tea :held", ":s BATCH -1");
      same(texts(room), ["heard", "held"]);
    },
  },
  {
    name: "a peer's flood of names opens no end of rooms",
    run() {
      const wire = new Wire().enter();
      const asked = [];
      for (let at = 0; at < 700; at += 1) asked.push(...wire.hear(wire.said(`eve${at}`, `m${at}`, "hi", "alice")));
      that(wire.session.rooms.size <= 500);
      same(asked.filter((line) => line.startsWith("MARKREAD")).length, wire.session.rooms.size - 1, "nothing is asked about no name");
    },
  },
  {
    name: "nothing waits for ever in a room that we were put out of, or in the server's own",
    run() {
      const wire = new Wire().enter();
      const room = wire.enterRoom();
      that(!wire.session.say(wire.session.rooms.get(""), "hello", wire.now));
      wire.lose();
      that(wire.session.say(room, "waits", wire.now), "it is joined again");
      room.pending = [];
      wire.open();
      wire.enter();
      wire.enterRoom();
      wire.hear(":bob!b@h KICK #tea alice :out");
      that(!wire.session.say(room, "hello", wire.now));
      same(room.pending.length, 0);
    },
  },
  {
    name: "whatever the server says, nothing throws",
    run() {
      const commands = ["JOIN", "PART", "KICK", "QUIT", "NICK", "MODE", "TOPIC", "AWAY", "ACCOUNT", "SETNAME", "CHGHOST", "INVITE", "MARKREAD",
        "RENAME", "FAIL", "WARN", "REDACT", "TAGMSG", "PRIVMSG", "NOTICE", "BATCH", "CAP", "AUTHENTICATE", "REGISTER", "VERIFY", "PING", "ERROR",
        "001", "005", "301", "322", "323", "332", "352", "353", "354", "366", "376", "401", "404", "433", "464", "730", "731", "900", "904"];
      const wire = new Wire().enter();
      wire.enterRoom();
      for (const command of commands) {
        for (const params of ["", " alice", " #tea", " #tea alice", " alice #tea :", " * * * *", " + - : ::", ` ${"x ".repeat(14)}`]) {
          for (const head of ["", ":alice!a@h ", ":bob!b@h ", ":s ", "@label=1;batch=2;time=x;+draft/reply=;+draft/react= :a "]) wire.hear(head + command + params);
        }
        if (command === "RENAME" || command === "NICK") wire.hear(":zz!a@h NICK alice");
      }
    },
  },
];
