// The words of the page's language, as in `_("Selected: %(n)s", {n: 14})`: the English text is the
// key, so every text that is shown stands once in a script as it is in English.
import {facts} from "./facts.js";

const known = facts.words ? (await import(facts.words)).words : {};

export function _(text, values) {
  const told = known[text] ?? text;
  return values ? told.replace(/%\((\w+)\)s/g, (whole, name) => String(values[name] ?? whole)) : told;
}
