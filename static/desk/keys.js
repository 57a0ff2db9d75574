// Keys. bind("Shift+C", f, "Close half") or two after each other: bind("g p", f, "Positions"). They
// are off in fields and dialogs. Key-repeat never triggers: a held key acts once. `?` shows them all.
import {h, one} from "./dom.js";
import {_} from "./words.js";

const bound = new Map();
const told = [];
let first = null;
let firstAt = 0;

export function bind(keys, act, label, {group = _("Page")} = {}) {
  bound.set(keys, {act, label, group});
}

// Keys that something else listens to, for the list of keys.
export function tell(keys, label, {group = _("Page")} = {}) {
  told.push([keys, {label, group}]);
}

function nameOf(event) {
  const named = event.key.length > 1;
  const parts = [];
  if (event.ctrlKey || event.metaKey) parts.push("Ctrl");
  if (event.altKey) parts.push("Alt");
  if (event.shiftKey && (named || /[a-z]/i.test(event.key))) parts.push("Shift");
  parts.push(parts.includes("Shift") && !named ? event.key.toUpperCase() : event.key);
  return parts.join("+");
}

const writes = (node) => node.closest?.("input:not([type=checkbox]), select, textarea, [contenteditable=true]");

addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.repeat || writes(event.target) || one("dialog[open]")) return;
  const name = nameOf(event);
  const both = first && Date.now() - firstAt < 1200 ? `${first} ${name}` : null;
  const found = (both && bound.get(both)) ?? bound.get(name);
  const begins = [...bound.keys()].some((keys) => keys.startsWith(`${name} `));
  first = begins && !found ? name : null;
  firstAt = Date.now();
  if (!found) return;
  event.preventDefault();
  found.act(event);
});

export function showKeys() {
  const groups = Map.groupBy([...bound, ...told], ([, {group}]) => group);
  const shown = h("dialog", {class: "keys", "aria-label": _("Keyboard")},
    h("div", {class: "inside"},
      h("h2", {}, _("Keyboard")),
      ...[...groups].flatMap(([group, rows]) => [
        h("strong", {}, group),
        h("dl", {}, ...rows.flatMap(([keys, {label}]) => [
          h("dt", {}, ...keys.split(" ").flatMap((each, place) => [place ? " " : null, h("kbd", {}, each)])),
          h("dd", {}, label),
        ])),
      ]),
      h("div", {class: "acts"}, h("button", {class: "button", type: "button", onclick: () => shown.close()}, _("Close"))),
    ));
  shown.addEventListener("close", () => shown.remove());
  one("#layers").append(shown);
  shown.showModal();
}

bind("?", showKeys, _("Show all keys"), {group: _("Everywhere")});
