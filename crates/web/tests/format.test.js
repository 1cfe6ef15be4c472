// What a peer's text is shown as: links that are safe, formatting, and nothing that acts.

import { complete } from "../static/complete.js";
import { plain, runs } from "../static/format.js";
import { same, that } from "./check.js";

const linked = (text) => runs(text).filter(({ href }) => href).map((run) => run.text);

export const tests = [
  {
    name: "links are http and https only, without what a sentence puts behind them",
    run() {
      same(linked("see https://a.example/b?c=d#e, (http://x.example/y_(z)). HTTPS://UP.example!"),
        ["https://a.example/b?c=d#e", "http://x.example/y_(z)", "HTTPS://UP.example"]);
      same(linked("见https://a.example/路径，还有 http://b.example。"), ["https://a.example/路径", "http://b.example"]);
      same(linked("javascript:alert(1) data:text/html,x ftp://a file:///etc https:// http://"), []);
      that(runs("https://a.example").every(({ href }) => href.startsWith("https://")));
      same(runs("a https://b.example c").map(({ text }) => text), ["a ", "https://b.example", " c"]);
    },
  },
  {
    name: "a link is read in one pass, whatever a peer puts behind it",
    run() {
      same(runs(`http://a.b/${").".repeat(100)}`).map(({ href }) => href), ["http://a.b/", undefined]);
      same(runs("(http://a/(x)[y]).").map(({ text }) => text), ["(", "http://a/(x)[y]", ")."]);
      const start = Date.now();
      for (let line = 0; line < 20; line += 1) runs(`http://a.b/${")".repeat(4_000)}`);
      // It took more than ten seconds when each bracket counted all of them.
      that(Date.now() - start < 1_000, `${Date.now() - start} ms`);
    },
  },
  {
    name: "formatting codes become styles and are gone from the text",
    run() {
      same(runs("a\x02b\x1dc\x02d\x0fe").map(({ text, styles }) => [text, styles.join(" ")]),
        [["a", ""], ["b", "bold"], ["c", "bold italic"], ["d", "italic"], ["e", ""]]);
      same(runs("\x034,1red\x03 none").map(({ text, styles }) => [text, styles.join(" ")]), [["red", "marked color-4"], [" none", ""]]);
      same(plain("\x0312,99blue\x0399x\x04ff0000y\x04\x16z\x11m\x1eq\x1fw"), "bluexyzmqw");
      same(plain("\x03"), "");
      same(plain("<b>&amp;\x01"), "<b>&amp;\x01");
    },
  },
  {
    name: "a word is completed to commands, rooms and the people who spoke last",
    run() {
      const known = { commands: [{ name: "join", hint: "" }, { name: "invite", hint: "" }], rooms: ["#tea", "#talk"],
        people: [{ nick: "alice", last: 1 }, { nick: "Albert", last: 5 }, { nick: "bob", last: 9 }] };
      const list = (text) => complete(text, text.length, known)?.list.map((one) => one.text);
      same(list("/j"), ["/join "]);
      same(list("/"), ["/join ", "/invite "]);
      same(list("in #t"), ["#tea ", "#talk "]);
      same(list("al"), ["Albert: ", "alice: "]);
      same(list("hi @al"), ["Albert ", "alice "]);
      same([list("zz"), list(""), list("hi ")], [undefined, undefined, undefined]);
    },
  },
];
