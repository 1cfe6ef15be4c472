// The connection is lost, and comes back: nothing is doubled, nothing is missing, and what was typed goes once.

import { Backoff } from "../static/backoff.js";
import { REACTING_MAX } from "../static/reactions.js";
import { same, texts, that, Wire } from "./check.js";
import { numbers, Person, Server } from "./model.js";

export const tests = [
  {
    name: "waits double up to a minute, are never all alike, and begin anew",
    run() {
      const waits = (random) => {
        const backoff = new Backoff(() => random);
        return Array.from({ length: 9 }, () => backoff.next());
      };
      same(waits(1), [1000, 2000, 4000, 8000, 16000, 32000, 60000, 60000, 60000]);
      same(waits(0).slice(0, 3), [500, 1000, 2000]);
      const backoff = new Backoff(() => 1);
      backoff.next();
      backoff.reset();
      same(backoff.next(), 1000);
    },
  },
  {
    name: "a lost connection is said, and tried again at its time",
    run() {
      const wire = new Wire().enter();
      wire.lose();
      same([wire.session.state, wire.session.retryAt - wire.now], ["waiting", 750]);
      same(wire.session.pollTimeout(), wire.session.retryAt);
      wire.pass(749);
      same(wire.session.pollWish(), null);
      wire.pass(1);
      same(wire.session.pollWish(), "open");
    },
  },
  {
    name: "a server that says nothing is asked, and given up without an answer",
    run() {
      const wire = new Wire().enter();
      same(wire.pass(45_000), ["PING callbox"]);
      wire.hear(":s PONG s callbox");
      same(wire.pass(45_000), ["PING callbox"]);
      wire.pass(20_000);
      same(wire.session.pollWish(), "reopen");
    },
  },
  {
    name: "the rooms are joined again, and the gap is filled until it meets what is heard",
    run() {
      const wire = new Wire().enter();
      const room = wire.enterRoom();
      wire.hear(wire.said("bob", "1", "one"));
      wire.lose();
      wire.now += 10_000;
      wire.pass(0);
      wire.open();
      wire.negotiate();
      same(wire.welcome(), ["JOIN #tea"]);
      const asked = wire.hear(`@time=${wire.stamp()};msgid=j2 :alice!~a@host JOIN #tea * :A`, wire.said("bob", "5", "five"));
      const request = asked.find((line) => line.includes("CHATHISTORY"));
      that(request.endsWith("CHATHISTORY AFTER #tea msgid=1 100"), request);
      const next = wire.page(request, [wire.said("bob", "2", "two", "#tea", wire.now - 9), wire.said("bob", "3", "three", "#tea", wire.now - 8)]);
      that(next[0].endsWith("AFTER #tea msgid=3 100"), next[0]);
      same(wire.page(next[0], [wire.said("bob", "4", "four", "#tea", wire.now - 7), wire.said("bob", "5", "five")]), []);
      same([texts(room), room.caughtUp], [["one", "two", "three", "four", "five"], true]);
      same(room.timeline.lines.filter(({ event }) => event?.what === "join").length, 2);
    },
  },
  {
    name: "a name that the lost connection still holds is taken back when it is free",
    run() {
      const wire = new Wire().enter();
      wire.lose();
      wire.pass(1_000);
      wire.open();
      wire.negotiate();
      same(wire.hear(":s 433 * alice :in use"), ["NICK alice_"]);
      wire.hear(":s 001 alice_ :Welcome", ":s 005 alice_ MONITOR=100 :are supported");
      that(wire.hear(":s 376 alice_ :End").includes("MONITOR + alice"));
      same(wire.hear(":s 731 alice_ alice"), ["NICK alice"]);
    },
  },
  {
    name: "what was on its way is looked for, and sent again only if it is not there",
    run() {
      for (const arrived of [true, false]) {
        const wire = new Wire().enter();
        const room = wire.enterRoom();
        wire.hear(wire.said("bob", "1", "one"));
        wire.session.say(room, "mine", wire.now);
        wire.lose();
        wire.session.say(room, "later", wire.now);
        same(room.pending.map(({ state }) => state), ["doubtful", "waiting"]);
        wire.pass(1_000);
        wire.open();
        wire.negotiate();
        wire.welcome();
        const asked = wire.hear(`@time=${wire.stamp()};msgid=j2 :alice!~a@host JOIN #tea * :A`);
        that(!asked.some((line) => line.includes("PRIVMSG")), "nothing goes before the gap is filled");
        const page = arrived ? [wire.said("alice", "2", "mine", "#tea", wire.now - 900)] : [];
        const next = wire.page(asked.find((line) => line.includes("CHATHISTORY")), page);
        const sent = arrived ? wire.page(next[0], []) : next;
        same(sent.map((line) => line.replace(/@label=\S+ /, "")), [...(arrived ? [] : ["PRIVMSG #tea mine"]), "PRIVMSG #tea later"]);
      }
    },
  },
  {
    name: "a reaction that was pressed offline, or was on its way, goes when the connection is there again",
    run() {
      const wire = new Wire().enter();
      const room = wire.enterRoom();
      wire.hear(wire.said("bob", "1", "one"));
      const line = room.timeline.byId.get("1");
      wire.session.react(room, line, "👀", true, wire.now);
      same(wire.sent().length, 1);
      wire.lose();
      for (const [emoji, on] of [["👍", true], ["🎉", true], ["🎉", false]]) that(wire.session.react(room, line, emoji, on, wire.now));
      same([...line.reactions].filter(([, people]) => people.get("alice").on).map(([emoji]) => emoji), ["👀", "👍"], "seen at once");
      same(wire.sent(), []);
      wire.pass(1_000);
      wire.open();
      wire.negotiate();
      wire.hear(":s 433 * alice :in use");
      wire.welcome("alice_");
      const asked = wire.hear(`@time=${wire.stamp()};msgid=j2 :alice_!~a@host JOIN #tea * :A`);
      const sent = wire.page(asked.find((text) => text.includes("CHATHISTORY")), []);
      same(sent.map((text) => text.replace(/@label=[^;]+;/, "")), ["👀", "👍", "🎉"]
        .map((emoji) => `+draft/reply=1;+draft/${emoji === "🎉" ? "unreact" : "react"}=${emoji} TAGMSG #tea`));
      wire.hear(`@time=${wire.stamp()};msgid=9;+draft/reply=1;+draft/react=👍 :alice_!a@h TAGMSG #tea`);
      same([...line.reactions.get("👍")].filter(([, { on }]) => on).map(([key]) => key), ["alice_"], "once, by the name that one has now");
      same(room.reacting.size, 2);
    },
  },
  {
    name: "no more reactions wait than the cap says",
    run() {
      const wire = new Wire().enter();
      const room = wire.enterRoom();
      wire.hear(wire.said("bob", "1", "one"));
      const line = room.timeline.byId.get("1");
      wire.session.react(room, line, "👀", true, wire.now);
      wire.lose();
      for (let at = 1; at < REACTING_MAX; at += 1) that(wire.session.react(room, line, `e${at}`, true, wire.now));
      same([wire.session.react(room, line, "more", true, wire.now), room.reacting.size], [false, REACTING_MAX]);
    },
  },
  {
    name: "where nothing can be looked up, what is in doubt is left to the person",
    run() {
      const wire = new Wire({ caps: "echo-message labeled-response batch" }).enter();
      wire.hear(":alice!~a@host JOIN #tea");
      const room = wire.session.rooms.get("#tea");
      wire.session.say(room, "mine", wire.now);
      wire.lose();
      wire.pass(1_000);
      wire.open();
      wire.negotiate();
      wire.welcome();
      wire.hear(":alice!~a@host JOIN #tea");
      same([room.pending[0].state, room.pending[0].reason], ["failed", "unknown"]);
    },
  },
  {
    name: "two people on links that break see every line once, in the server's order, and each own line goes once",
    run() {
      for (let seed = 1; seed <= 60; seed += 1) simulate(seed);
    },
  },
];

/** Two people talk while their links break at any moment, also in the middle of what is on its way. */
function simulate(seed) {
  const random = numbers(seed);
  const server = new Server();
  const people = ["alice", "bobby"].map((nick) => new Person(server, nick, random));
  const said = { alice: [], bobby: [] };
  for (let round = 0; round < 300; round += 1) {
    // Often several things happen in one millisecond.
    server.now += random() < 0.4 ? 0 : Math.floor(random() * 400);
    if (random() < 0.2) server.say("carol", `carol ${round}`);
    for (const person of people) {
      if (random() < 0.15 && person.room) {
        const text = `${person.nick} ${round}`;
        if (person.session.say(person.room, text, server.now)) said[person.nick].push(text);
      }
      if (random() < 0.04) person.lose();
      if (random() < 0.7) person.step(1 + Math.floor(random() * 6));
    }
  }
  for (let round = 0; round < 400; round += 1) {
    server.now += 1_000;
    for (const person of people) person.step();
  }
  const log = server.log.map(({ text }) => text);
  for (const person of people) {
    const about = `seed ${seed}, ${person.nick}`;
    const seen = texts(person.room);
    // What was said before they first came is theirs to fetch.
    same(seen, log.slice(-seen.length), about);
    that(person.room.complete || seen.length > 7, about);
    same(log.filter((text) => text.startsWith(person.nick)), said[person.nick], about);
    same(person.room.pending, [], about);
  }
}
