// One-click mode: orders go without being asked about. It is a choice for this session of the browser,
// ends by itself after eight hours, and is seen for as long as it is on.
import {facts, now} from "../facts.js";

const LASTS_MS = 8 * 3600 * 1000;
const NAME = `desk.one_click.${facts.user.id}`;
const SENT = `desk.sent.${facts.user.id}`;

const stored = (name) => {
  try {
    return sessionStorage.getItem(name);
  } catch {
    return null;
  }
};

const store = (name, value) => {
  try {
    if (value === null) sessionStorage.removeItem(name);
    else sessionStorage.setItem(name, value);
  } catch { /* A browser that stores nothing asks about every order. */ }
};

// Until when it is on (ms of the server's clock), or null.
export function oneClickUntil() {
  const until = Number(stored(NAME));
  return until > now() ? until : null;
}

export const setOneClick = (on) => store(NAME, on ? String(now() + LASTS_MS) : null);

// Whether something was sent to an account in this session already.
export const hasSent = (accountId) => (stored(SENT) ?? "").split(" ").includes(String(accountId));
export const rememberSent = (accountId) => hasSent(accountId) || store(SENT, `${stored(SENT) ?? ""} ${accountId}`);
