// Who is in the room: by rank, then by name, those who are away paler.

import { avatar, el, find, name } from "./dom.js";
import { walkByArrows } from "./list-keys.js";
import { firstCharacters } from "./text.js";
import { t } from "./words.js";

/** People shown at a time: who looks for one of more types a part of the name. */
const SHOWN = 300;
/** From how many on there is a field to find somebody. */
const MANY = 12;

/** @param {any} app */
export function createPeople(app) {
  const root = find("#people");
  const { session } = app;
  root.setAttribute("aria-label", t("people"));
  const title = el("h2", {});
  const finder = el("input", { type: "search", placeholder: t("find-people"), "aria-label": t("find-people"), on: { input: update } });
  const row = el("div", { class: "people-find" }, finder);
  const lists = el("div", { class: "people-list" });
  root.append(el("div", { class: "side-head" }, title), row, lists);

  walkByArrows(lists);

  function update() {
    const { room } = app;
    const signs = session.isupport.ranks.map(([, sign]) => sign);
    const rank = ({ ranks }) => (ranks ? signs.indexOf(ranks[0]) : signs.length);
    const part = finder.value.trim().toLowerCase();
    const all = [...room.members.values()];
    const found = all.filter(({ nick, realname }) => !part || `${nick} ${realname}`.toLowerCase().includes(part))
      .sort((a, b) => rank(a) - rank(b) || a.away - b.away || a.nick.localeCompare(b.nick));
    title.textContent = `${t("people")} · ${all.length}`;
    row.hidden = all.length < MANY && !part;
    const focused = lists.contains(document.activeElement) ? document.activeElement.dataset.nick : undefined;
    const groups = [];
    for (const member of found.slice(0, SHOWN)) {
      const sign = signs[rank(member)] ?? "";
      if (groups.at(-1)?.sign !== sign) groups.push({ sign, members: [] });
      groups.at(-1).members.push(member);
    }
    lists.replaceChildren(...groups.flatMap(({ sign, members }) => [
      el("h3", {}, t(["@", "%", "+", ""].includes(sign) ? `rank-${sign}` : "rank-@")),
      el("ul", {}, ...members.map((member) => el("li", {}, person(member)))),
    ]), ...(found.length > SHOWN ? [el("p", { class: "rest" }, t("more-people", found.length - SHOWN))] : []));
    const buttons = [...lists.querySelectorAll("button")];
    const current = buttons.find((button) => button.dataset.nick === focused) ?? buttons[0];
    if (current) current.tabIndex = 0;
    if (focused !== undefined) current?.focus();
  }

  function person(member) {
    const { nick, away, realname } = member;
    const words = [session.isMe(nick) && t("you"), away && t("away")].filter(Boolean).join(", ");
    return el("button", {
      type: "button", class: `person${away ? " away" : ""}`, tabindex: "-1", data: { nick }, title: realname && realname !== nick ? realname : null,
      "aria-haspopup": "menu", on: { click: (event) => app.personMenu(event.currentTarget, nick) },
    }, avatar(nick, firstCharacters), name(nick, { class: "label" }), words && el("small", {}, words));
  }

  return { update };
}
