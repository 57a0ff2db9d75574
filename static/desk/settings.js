// A person's settings of the screens: changed here at once, and kept by the server.
import {toast} from "./dom.js";
import {facts, rest} from "./facts.js";
import {_} from "./words.js";

const MAPS = ["grids", "keys"]; // Changed name by name; null is as it was at first.

export async function keep(changes) {
  for (const [name, value] of Object.entries(changes)) {
    facts.settings[name] = MAPS.includes(name) ? {...facts.settings[name], ...value} : value;
  }
  try {
    await rest("user/settings", {method: "PATCH", body: changes});
    return true;
  } catch (error) {
    toast(_("The setting was not kept."), {kind: "bad", more: error.message});
    return false;
  }
}
