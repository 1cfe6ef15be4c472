// Lines as they are parsed and built.

import { build, escape, parse, unescape } from "../static/wire.js";
import { byteLength, mentions, splitText } from "../static/text.js";
import { Isupport } from "../static/isupport.js";
import { same, that } from "./check.js";

export const tests = [
  {
    name: "a line has tags, a source, a command and parameters",
    run() {
      const { tags, nick, user, host, command, params } = parse("@a=b\\sc;+d;time=x :al!u@h  privmsg  #x  :hello  :there ");
      same([...tags], [["a", "b c"], ["+d", ""], ["time", "x"]]);
      same([nick, user, host, command], ["al", "u", "h", "PRIVMSG"]);
      same(params, ["#x", "hello  :there "]);
    },
  },
  {
    name: "odd lines are parsed, and none throws",
    run() {
      same(parse(""), null);
      same(parse("@only=tags"), null);
      same(parse(":only.source"), null);
      same(parse("@a= PING").tags.get("a"), "");
      same(parse("PING :").params, [""]);
      same(parse(":server.name PING x").nick, "server.name");
      same(parse(`X ${"p ".repeat(20)}`).params.length, 15);
      for (const line of ["@", ":", "@ :", "@;;=;", ":!@", "\0", "@\\=\\ :a!b X", " X"]) parse(line);
    },
  },
  {
    name: "the values of tags survive being escaped",
    run() {
      for (const value of ["", "a b;c\\d\r\ne", "\\s", "中文 👍", "\u3000"]) same(unescape(escape(value)), value);
      same(unescape("a\\"), "a");
      same(unescape("\\b"), "b");
    },
  },
  {
    name: "what is built is one line, whatever is put in",
    run() {
      same(build("PRIVMSG", ["#x", "hi there"]), "PRIVMSG #x :hi there");
      same(build("PRIVMSG", ["#x", ":)"]), "PRIVMSG #x ::)");
      same(build("TOPIC", ["#x", ""]), "TOPIC #x :");
      same(build("X", ["a b", ":c", "", "d\r\nQUIT"]), "X a_b _c * :d  QUIT");
      same(build("TAGMSG", ["#x"], { label: undefined, "+typing": "active", a: "" }), "@+typing=active;a TAGMSG #x");
      const back = parse(build("PRIVMSG", ["#x", "a"], { "+x": "; \\\n" }));
      same(back.tags.get("+x"), "; \\\n");
    },
  },
  {
    name: "a text is split between characters as people see them, and nothing is lost",
    run() {
      const family = "👩‍👩‍👧‍👦";
      for (const [text, max] of [["abcdef", 3], ["中文字符", 4], [`${family}${family}a`, 30], ["e\u0301e\u0301e\u0301", 4],
        ["one two three four", 9], ["a".repeat(1000), 7], ["🇨🇳🇩🇪🇫🇷", 9], [`x${"\u0301".repeat(200)}`, 20]]) {
        const pieces = splitText(text, max);
        same(pieces.join(""), text);
        that(pieces.every((piece) => byteLength(piece) <= max), `${max}: ${JSON.stringify(pieces)}`);
      }
      same(splitText(`${family}${family}`, 30), [family, family]);
      same(splitText("e\u0301e\u0301", 4), ["e\u0301", "e\u0301"]);
      same(splitText("hello big world", 10), ["hello big ", "world"]);
      same(splitText("", 10), []);
    },
  },
  {
    name: "a name is found as a word, and in scripts without spaces anywhere",
    run() {
      for (const text of ["alice", "hi Alice!", "alice: yes", "(alice)", "@alice", "你好alice你好"]) that(mentions(text, "alice"), text);
      for (const text of ["malice", "alices", "alice_", ""]) that(!mentions(text, "alice"), text);
      that(mentions("你好张三你好", "张三"));
      that(!mentions("anything", ""));
    },
  },
  {
    name: "names are compared as the server says",
    run() {
      const isupport = new Isupport();
      same([isupport.fold("ALICE[]"), isupport.fold("ＡＢ"), isupport.fold("Зоя")], ["alice[]", "ab", "зоя"]);
      isupport.handle(["CASEMAPPING=rfc1459", "CHANTYPES=#", "PREFIX=(qo)~@", "STATUSMSG=~@", "CLIENTTAGDENY=*,-typing", "X=a\\x20b"]);
      same(isupport.fold("A[]~"), "a{}^");
      same([isupport.isChannel("#x"), isupport.isChannel("&x"), isupport.isChannel("")], [true, false, false]);
      same(isupport.ranks, [["q", "~"], ["o", "@"]]);
      same([isupport.withoutRank("@#x"), isupport.withoutRank("@x")], ["#x", "@x"]);
      same([isupport.allowsTag("typing"), isupport.allowsTag("draft/react")], [true, false]);
      same(isupport.tokens.get("X"), "a b");
    },
  },
];
