// The lines of one room: each once, in order, and what happens to them later.

import { KEPT, LOOSE, Timeline } from "../static/timeline.js";
import { same, that } from "./check.js";

let seq = 0;
const line = (id, time, more = {}) => ({ id, msgid: id, time, kind: "said", nick: "bob", account: "", text: id, own: false,
  mention: false, revision: 0, seq: (seq += 1), ...more });
const ids = (timeline) => timeline.lines.map(({ id }) => id).join("");
const of = (...lines) => {
  const timeline = new Timeline();
  for (const one of lines) timeline.add(one);
  return timeline;
};
const on = (nick, time, is = true) => ({ nick, own: false, on: is, time });
const reactions = (timeline, id) => [...(timeline.byId.get(id).reactions ?? [])].map(([emoji, people]) => [emoji, [...people].filter(([, one]) => one.on).map(([key]) => key)]);

export const tests = [
  {
    name: "a line stands once, at its time",
    run() {
      const timeline = of(line("a", 1), line("c", 3), line("b", 2));
      that(!timeline.add(line("a", 9)));
      same(ids(timeline), "abc");
    },
  },
  {
    name: "a page is put where it belongs, and what was known stays",
    run() {
      const timeline = of(line("x", 10), line("y", 20));
      same(timeline.merge([line("a", 1), line("b", 2)], { before: timeline.byId.get("x") }).length, 2);
      same(timeline.merge([line("x", 10), line("m", 15), line("y", 20), line("z", 25)]).map(({ id }) => id), ["m", "z"]);
      same(ids(timeline), "abxmyz");
    },
  },
  {
    name: "of lines of one moment the page's order holds, around those that are known",
    run() {
      const timeline = of(line("c", 5), line("e", 5));
      timeline.merge([line("a", 5), line("b", 5), line("c", 5), line("d", 5), line("e", 5), line("f", 5)]);
      same(ids(timeline), "abcdef");
      const other = of(line("d", 5), line("e", 5));
      other.merge([line("b", 5), line("c", 5)], { before: other.byId.get("d") });
      other.merge([line("a", 5)], { before: other.byId.get("b") });
      same(ids(other), "abcde");
      const later = of(line("a", 5), line("d", 9));
      later.merge([line("b", 5), line("c", 9)], { after: later.byId.get("a"), before: later.byId.get("d") });
      same(ids(later), "abcd");
    },
  },
  {
    name: "reactions count each person once, and the time decides, not the order of pages",
    run() {
      const timeline = of(line("a", 1));
      timeline.react("a", "👍", "bob", on("bob", 5));
      timeline.react("a", "👍", "bob", on("bob", 6));
      timeline.react("a", "👍", "eve", on("eve", 7));
      same(reactions(timeline, "a"), [["👍", ["bob", "eve"]]]);
      timeline.react("a", "👍", "bob", on("bob", 9, false));
      timeline.react("a", "👍", "bob", on("bob", 8));
      same(reactions(timeline, "a"), [["👍", ["eve"]]]);
      timeline.react("a", "x".repeat(100), "bob", on("bob", 9));
      same(reactions(timeline, "a").length, 1);
    },
  },
  {
    name: "what concerns a line that is not here waits for it",
    run() {
      const timeline = of(line("z", 9));
      timeline.react("a", "🎉", "eve", on("eve", 5));
      timeline.redact("b", "bob", "typo");
      timeline.edit(line("e", 8, { edits: "c", text: "better" }));
      timeline.merge([line("a", 1), line("b", 2), line("c", 3)]);
      same(reactions(timeline, "a"), [["🎉", ["eve"]]]);
      same(timeline.byId.get("b").redacted, { nick: "bob", reason: "typo" });
      same([timeline.byId.get("c").text, timeline.byId.get("c").edited], ["better", true]);
    },
  },
  {
    name: "a flood of reactions to lines that never were hides none to those that come, and is not kept",
    run() {
      const timeline = new Timeline();
      timeline.react("lost", "🎉", "eve", on("eve", 5));
      for (let at = 0; at < LOOSE; at += 1) timeline.react(`none${at}`, "🎉", "eve", on("eve", 5));
      for (let at = 0; at < LOOSE * 2; at += 1) timeline.react("one", "🎉", `eve${at}`, on("eve", 5));
      timeline.redact("a", "bob", "typo");
      timeline.react("b", "🎉", "eve", on("eve", 5));
      timeline.merge([line("lost", 0), line("a", 1), line("b", 2)]);
      same([timeline.byId.get("a").redacted.reason, reactions(timeline, "b")], ["typo", [["🎉", ["eve"]]]]);
      same(reactions(timeline, "lost"), []);
    },
  },
  {
    name: "an edit takes the place of a text of the same person only, and the last one holds",
    run() {
      const timeline = of(line("a", 1), line("e1", 5, { edits: "a", text: "two" }), line("e2", 6, { edits: "a", text: "three" }),
        line("f", 7, { edits: "a", text: "forged", nick: "eve" }));
      for (const id of ["e2", "e1", "f"]) timeline.edit(timeline.byId.get(id));
      same(timeline.byId.get("a").text, "three");
      same(ids(timeline), "ae1f");
      that(timeline.has("e2") && !timeline.byId.has("e2"));
      const known = of(line("a", 1, { account: "bob" }), line("e", 2, { edits: "a", text: "x", nick: "bob" }));
      known.edit(known.byId.get("e"));
      same(known.byId.get("a").text, "a", "a guest of the same name is not the account");
    },
  },
  {
    name: "no more lines are kept than the cap says, and what was dropped may come again",
    run() {
      const timeline = new Timeline();
      for (let at = 0; at < KEPT * 1.2; at += 1) timeline.add(line(`n${at}`, at));
      that(timeline.lines.length <= KEPT * 1.1);
      const first = timeline.first();
      const [before] = timeline.merge([line("n0", 0)], { before: first });
      same(before.id, "n0");
      same(timeline.first().id, "n0");
    },
  },
];
