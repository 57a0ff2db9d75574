// Decimals stay the strings that they came as: nothing here makes a float of one.
const GROUP = "\u202f";
export const NOTHING = "—";

const PLAIN = /^(-?)(\d+)(?:\.(\d+))?$/;

function parts(text) {
  const found = PLAIN.exec(text);
  if (!found) throw new TypeError(`no plain decimal: ${text}`);
  return {minus: found[1] === "-", whole: found[2].replace(/^0+(?=\d)/, ""), part: found[3] ?? ""};
}

// The number times 10^places as a whole, cut where there are more digits.
export function scaled(text, places) {
  const {minus, whole, part} = parts(text);
  const digits = BigInt(whole + part.slice(0, places).padEnd(places, "0"));
  return minus ? -digits : digits;
}

export function unscaled(value, places) {
  const minus = value < 0n;
  const digits = String(minus ? -value : value).padStart(places + 1, "0");
  const whole = digits.slice(0, digits.length - places) || "0";
  const part = places ? digits.slice(digits.length - places).replace(/0+$/, "") : "";
  return (minus && (whole !== "0" || part) ? "-" : "") + whole + (part ? `.${part}` : "");
}

export const decimalsOf = (text) => (PLAIN.exec(text)?.[3] ?? "").length;

// Orders two decimals; null comes first.
export function cmpDec(a, b) {
  if (a === null || a === undefined || a === "") return b === null || b === undefined || b === "" ? 0 : -1;
  if (b === null || b === undefined || b === "") return 1;
  const places = Math.max(decimalsOf(a), decimalsOf(b));
  const left = scaled(a, places);
  const right = scaled(b, places);
  return left < right ? -1 : left > right ? 1 : 0;
}

export function addDec(a, b) {
  const places = Math.max(decimalsOf(a), decimalsOf(b));
  return unscaled(scaled(a, places) + scaled(b, places), places);
}

export const subDec = (a, b) => addDec(a, negated(b));

export function mulDec(a, b) {
  const [left, right] = [decimalsOf(a), decimalsOf(b)];
  return unscaled(scaled(a, left) * scaled(b, right), left + right);
}

export function negated(text) {
  const plain = text.startsWith("-") ? text.slice(1) : `-${text}`;
  return signOf(text) === 0 ? "0" : plain;
}

export const signOf = (text) => (/[1-9]/.test(text) ? (text.startsWith("-") ? -1 : 1) : 0);

// So many percent of a quantity, rounded down to a step: what a part of a position is.
export function percentOf(qty, percent, step) {
  const places = Math.max(decimalsOf(qty), step ? decimalsOf(step) : 0) + 2;
  let value = (scaled(qty, places) * BigInt(percent)) / 100n;
  if (step) value -= value % scaled(step, places);
  return unscaled(value, places);
}

// The nearest multiple of the step, by digits.
export function snapped(text, step) {
  const places = Math.max(decimalsOf(text), decimalsOf(step));
  const size = scaled(step, places);
  const value = scaled(text, places);
  const rest = ((value % size) + size) % size;
  return unscaled(value - rest + (rest * 2n >= size ? size : 0n), places);
}

// The multiple of the step at or below, and at or above, by digits.
export const floored = (text, step) => stepped(text, step, false);
export const ceiled = (text, step) => stepped(text, step, true);

function stepped(text, step, up) {
  const places = Math.max(decimalsOf(text), decimalsOf(step));
  const size = scaled(step, places);
  const value = scaled(text, places);
  const rest = ((value % size) + size) % size;
  return unscaled(value - rest + (up && rest ? size : 0n), places);
}

// A plain decimal of what a chart's axis or an exchange's JSON gave as a number.
export function fromNumber(value, decimals) {
  return unscaled(scaled(Number(value).toFixed(Math.min(decimals, 18)), decimals), decimals);
}

function grouped(whole) {
  return whole.replace(/\B(?=(\d{3})+$)/g, GROUP);
}

// For people: groups of three, a real minus, never an exponent; `decimals` pads with zeros and never
// cuts.
export function shown(text, decimals = 0) {
  if (text === null || text === undefined || text === "") return NOTHING;
  const {minus, whole, part} = parts(text);
  const padded = part.padEnd(decimals, "0");
  const sign = minus && signOf(text) !== 0 ? "−" : "";
  return sign + grouped(whole) + (padded ? `.${padded}` : "");
}

// Money: two decimals from 1 on, else four digits that count; the exact value belongs into a title.
export function money(text) {
  if (text === null || text === undefined || text === "") return NOTHING;
  if (signOf(text) === 0) return "0";
  const {minus, whole, part} = parts(text);
  const keep = whole !== "0" ? 2 : (/^0*/.exec(part)[0].length + 4);
  const places = Math.max(part.length, keep);
  const size = 10n ** BigInt(places - keep);
  const value = (BigInt(whole + part.padEnd(places, "0")) + size / 2n) / size;
  const digits = String(value).padStart(keep + 1, "0");
  const cents = digits.slice(digits.length - keep);
  const tail = whole !== "0" ? cents : cents.replace(/0+$/, "");
  const front = grouped(digits.slice(0, digits.length - keep));
  return (minus ? "−" : "") + front + (tail ? `.${tail}` : "");
}

// What somebody typed. {text} is the plain decimal, or {why} is a code: "empty", "no_number",
// "grouping" (1,234 may mean two numbers).
export function typed(given) {
  const plain = given.trim().replace(/^[−–]/, "-").replace(/^\+/, "");
  if (!plain) return {why: "empty"};
  if (/[\s\u00a0\u202f'’_]/.test(plain)) return {why: "grouping"};
  let text = plain;
  if (text.includes(",")) {
    if (text.includes(".") || text.split(",").length > 2 || /,\d{3}$/.test(text)) return {why: "grouping"};
    text = text.replace(",", ".");
  }
  text = text.replace(/^(-?)\./, "$10.").replace(/\.$/, "");
  if (!PLAIN.test(text)) return {why: "no_number"};
  return {text: unscaled(scaled(text, decimalsOf(text)), decimalsOf(text))};
}

// The money that profit of a symbol is in: settle where it has one, else quote.
export function moneyOf(symbol) {
  const [pair, settle] = symbol.split(":");
  return settle ? settle.split("-")[0] : (pair.split("/")[1] ?? "");
}
