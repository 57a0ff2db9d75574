// Times of the wire (ISO 8601 in UTC) for people, in UTC or in the browser's zone: one switch for all
// of a page. `zone()` is "utc" or "local"; "zone" is told on `document` when it changes.
import {facts, now} from "./facts.js";
import {_} from "./words.js";

let chosen = facts.settings.zone;

export const zone = () => chosen;

export function setZone(wanted) {
  chosen = wanted;
  document.dispatchEvent(new CustomEvent("zone"));
}

const pad = (value) => String(value).padStart(2, "0");

export function dayAndTime(text) {
  if (!text) return {day: "", time: "", exact: ""};
  const at = new Date(text);
  const local = chosen === "local";
  const day = local ? [at.getFullYear(), at.getMonth() + 1, at.getDate()] : [at.getUTCFullYear(), at.getUTCMonth() + 1, at.getUTCDate()];
  const time = local ? [at.getHours(), at.getMinutes(), at.getSeconds()] : [at.getUTCHours(), at.getUTCMinutes(), at.getUTCSeconds()];
  return {day: [day[0], pad(day[1]), pad(day[2])].join("-"), time: time.map(pad).join(":"), exact: text};
}

// The time alone where it is today's, else day and time.
export function shownTime(text) {
  if (!text) return "";
  const {day, time} = dayAndTime(text);
  return day === dayAndTime(new Date(now()).toISOString()).day ? time : `${day} ${time}`;
}

export const clockTime = (at) => dayAndTime(new Date(at).toISOString()).time;

const ISO = /^(\d{4})-(\d{2})-(\d{2})(?:[ T](\d{2}):(\d{2})(?::(\d{2}))?)?$/;

// What somebody typed as a day, "2026-01-31", or with its time, "2026-01-31 14:30". {day, time} are
// texts, time null where none was given; or {why}: "empty", "no_date", "no_such_day", "no_time".
export function typedTime(given, {needsTime = false, takesTime = needsTime} = {}) {
  const text = given.trim();
  if (!text) return {why: "empty"};
  const found = ISO.exec(text);
  if (!found || (found[4] && !takesTime)) return {why: "no_date"};
  const [year, month, day, hour = 0, minute = 0, second = 0] = found.slice(1).map((each) => (each === undefined ? undefined : Number(each)));
  const at = new Date(Date.UTC(year, month - 1, day, hour, minute, second));
  if (at.getUTCMonth() !== month - 1 || at.getUTCDate() !== day) return {why: "no_such_day"};
  if (hour > 23 || minute > 59 || second > 59) return {why: "no_date"};
  if (!found[4] && needsTime) return {why: "no_time"};
  return {day: text.slice(0, 10), time: found[4] ? [hour, minute, second].map(pad).join(":") : null};
}

// How long ago, in words: "14 s", "3 min", "2 h", "5 d".
export function ago(ms) {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 90) return _("%(n)s s", {n: seconds});
  if (seconds < 5400) return _("%(n)s min", {n: Math.round(seconds / 60)});
  if (seconds < 129600) return _("%(n)s h", {n: Math.round(seconds / 3600)});
  return _("%(n)s d", {n: Math.round(seconds / 86400)});
}
