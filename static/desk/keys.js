// Keys. bind("close", f) does what key_table.js names by the keys that the person has chosen, or by the
// usual ones; two after each other are "g p". They are off in fields and dialogs. Key-repeat never
// triggers: a held key acts once. What is bound is also what the palette offers: `about` answers what
// it would be done to, in words, or null where there is nothing.
import {one} from "./dom.js";
import {facts} from "./facts.js";
import {BROWSERS, TABLE, WALKING} from "./key_table.js";
import {_} from "./words.js";

const BOTH_WITHIN_MS = 1200;
const known = new Map(Object.entries(TABLE));
const bound = new Map();
const told = [];
let first = null;
let firstAt = 0;

export function bind(name, act, {about = () => ""} = {}) {
  bound.set(name, {act, about});
}

// Something that only this page knows by name, as the pages of a menu.
export function define(name, {keys, label, group, act}) {
  known.set(name, {keys, label, group});
  bind(name, act);
}

// Keys that something else listens to, for the list of keys; nobody changes them.
export function tell(keys, label, group) {
  if (!told.some((each) => each.keys === keys)) told.push({keys, label, group}); // Several lists on a page have the same.
}

export const fixed = () => told;

export const keysOf = (name) => facts.settings.keys?.[name] ?? known.get(name).keys;
export const isChanged = (name) => keysOf(name) !== known.get(name).keys;
// The names of all that have other keys than the usual, also of other pages.
export const changed = () => Object.keys(facts.settings.keys ?? {}).filter((name) => facts.settings.keys[name]);

// Everything that can be done by keys on this page: {name, keys, label, group, act, about}.
export const actions = () => [...bound].map(([name, given]) => ({...known.get(name), ...given, name, keys: keysOf(name)}));

// The event's keys as they are written: "c", "Shift+C", "Ctrl+Enter", "Space".
export function nameOf(event) {
  const key = event.key === " " ? "Space" : event.key;
  const named = key.length > 1;
  const parts = [];
  if (event.ctrlKey || event.metaKey) parts.push("Ctrl");
  if (event.altKey) parts.push("Alt");
  if (event.shiftKey && (named || key.toLowerCase() !== key.toUpperCase())) parts.push("Shift");
  parts.push(parts.includes("Shift") && !named ? key.toUpperCase() : key);
  return parts.join("+");
}

const clash = (one_, other) => one_ === other || one_.startsWith(`${other} `) || other.startsWith(`${one_} `);
const meet = (one_, other) => !one_.on || !other.on || one_.on.some((page) => other.on.includes(page));

// Why something may not have these keys, in words; "" where it may.
export function conflict(name, keys) {
  const each = keys.split(" ");
  if (each.some((combination) => BROWSERS.has(combination))) return _("The browser keeps these keys.");
  if (each.some((combination) => WALKING.has(combination))) return _("Lists and forms are walked by these keys.");
  const other = [...known].find(([own, it]) => own !== name && meet(known.get(name), it) && clash(keys, keysOf(own)));
  return other ? _("%(keys)s is taken: %(label)s.", {keys: keysOf(other[0]), label: other[1].label}) : "";
}

const writes = (node) => node.closest?.("input:not([type=checkbox]), select, textarea, [contenteditable=true]");
const worksInFields = ({inFields, keys}) => inFields && /^(Ctrl|Alt)\+/.test(keys);

addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.repeat || one("dialog[open]")) return;
  const name = nameOf(event);
  const within = writes(event.target);
  const all = within ? actions().filter(worksInFields) : actions();
  const both = first && Date.now() - firstAt < BOTH_WITHIN_MS ? `${first} ${name}` : null;
  const found = all.find((each) => each.keys === both) ?? all.find((each) => each.keys === name);
  const begins = all.some((each) => each.keys.startsWith(`${name} `));
  first = begins && !found ? name : null;
  firstAt = Date.now();
  if (!found) return;
  event.preventDefault();
  found.act(event);
});
