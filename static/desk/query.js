// What the link selects. Which accounts the page shows: ?accounts=1,2, all where it is absent.
import {facts} from "./facts.js";

export function chosenAccounts() {
  const named = new URLSearchParams(location.search).get("accounts");
  const all = facts.accounts.map((each) => each.id);
  if (!named) return all;
  const wanted = new Set(named.split(",").map(Number));
  return all.filter((id) => wanted.has(id));
}

// Changes the query without a new page. null removes a parameter; `quiet` tells nobody.
export function setQuery(changes, {quiet = false} = {}) {
  const query = new URLSearchParams(location.search);
  for (const [name, value] of Object.entries(changes)) {
    if (value === null || value === "") query.delete(name);
    else query.set(name, value);
  }
  const text = query.toString().replaceAll("%2C", ",").replaceAll("%2F", "/").replaceAll("%3A", ":");
  history.replaceState(null, "", location.pathname + (text ? `?${text}` : ""));
  if (!quiet) document.dispatchEvent(new CustomEvent("query"));
}
