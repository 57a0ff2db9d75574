// Commands. What is asked has its request_id before it is sent, so a second click, a held Enter and a
// retry after a lost answer are the same command: the OMS does it once.
//
//   const order = draft("close_position", {position_id: 7}, {account_id: 1});
//   const result = await give(order);            // a result of POST /oms/commands
//   const result = await check(order);           // what would come of it; nothing is done
import {account, markOf, Refusal, rest} from "./facts.js";
import {h, one, toast} from "./dom.js";
import {stream, Unanswered} from "./stream.js";
import {_} from "./words.js";

const WAIT_MS = 8000;
const TRIES = 4;
const CHECK_MS = 4000; // A socket that says nothing is not waited for: who trades wants to know now.

// Random without a secure context: pages over plain http in a local network have none.
export function newId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return `desk-${[...bytes].map((each) => each.toString(16).padStart(2, "0")).join("")}`;
}

export const draft = (command, payload, {account_id: accountId}) => ({
  account_id: accountId, command, payload, request_id: newId(),
});

const underway = new Map();

// Gives one command and answers its result: {ok, status, error, order, orders, position_ids, …}. Asked
// again with the same draft while it is under way, it answers the same.
export function give(order) {
  if (!underway.has(order.request_id)) {
    const work = _give(order).finally(() => underway.delete(order.request_id));
    underway.set(order.request_id, work);
  }
  return underway.get(order.request_id);
}

async function _give(order) {
  let refusal = null;
  for (let attempt = 0; attempt < TRIES; attempt += 1) {
    try {
      return await overSocket(order);
    } catch (error) {
      if (error instanceof Refusal) throw error;
    }
    // The socket is gone or silent; the same request over HTTP is the same command.
    try {
      const signal = AbortSignal.timeout(WAIT_MS);
      return (await rest(`oms/commands?wait_ms=${WAIT_MS / 4}`, {method: "POST", body: order, signal})).results[0];
    } catch (error) {
      if (error.code !== "unreachable") throw error;
      refusal = error;
    }
    await new Promise((done) => setTimeout(done, 500 * 2 ** attempt));
  }
  throw refusal ?? new Unanswered();
}

async function overSocket(order) {
  if (stream.state !== "live") throw new Unanswered();
  const payload = {...order, wait_ms: WAIT_MS};
  const told = await stream.ask("position/command", payload, {patienceMs: WAIT_MS + 3000});
  return told.results[0];
}

// Several at once, side by side; answers their results in order.
export const giveAll = (orders) => Promise.all(orders.map((each) => give(each).catch((error) => asResult(error))));

// What would come of a command: {ok, error, effect}. Nothing is stored or sent.
export async function check(order, {signal} = {}) {
  const body = {account_id: order.account_id, command: order.command, payload: order.payload};
  if (stream.state === "live") {
    try {
      const told = (await stream.ask("position/command", {...body, check: true}, {patienceMs: CHECK_MS})).results[0];
      signal?.throwIfAborted();
      return told;
    } catch (error) {
      if (!(error instanceof Unanswered)) throw error;
    }
  }
  return (await rest("oms/commands?check=true", {method: "POST", body, signal})).results[0];
}

export function asResult(error) {
  const told = error instanceof Refusal
    ? {code: error.code, message: error.message, details: error.details}
    : {code: "unanswered", message: _("No answer came. It may have been done: look before you repeat it."), details: {}};
  return {ok: false, status: "failed", error: told};
}

// An error in words: what, and the field, limit and value where they are named.
export function inWords({code, message, details = {}}) {
  const facts_ = ["field", "limit", "value"].filter((name) => details[name] !== undefined && details[name] !== null)
    .map((name) => `${name}: ${typeof details[name] === "object" ? JSON.stringify(details[name]) : details[name]}`);
  return {text: message, more: [code, ...facts_].join(" · ")};
}

// Says at the corner what came of a command.
export function tellResult(result, done) {
  if (result.ok && result.status === "unknown") {
    return toast(_("The exchange has not said; it is being checked."), {kind: "warn", more: done});
  }
  if (result.ok) return toast(done, {more: result.status === "accepted" ? _("on its way") : ""});
  const {text, more} = inWords(result.error ?? {code: "failed", message: _("It failed.")});
  return toast(text, {kind: "bad", more});
}

// An account in words, with its mark: to be named wherever something is sent.
export function accountName(id) {
  const found = account(id);
  const mark = markOf(found);
  return h("span", {}, found?.label ?? `#${id}`, mark ? [" ", h("span", {class: "tag paper"}, mark)] : null);
}

// A dialog that asks once. `fill(dialog)` gives its content; `go` does it and answers whether it is
// done. `danger` puts the focus on Cancel. What is asked is done once however often it is pressed.
export function ask({title, content = [], button, danger = false, focusCancel = danger, go}) {
  return new Promise((answer) => {
    let done = false;
    let busy = false;
    const error = h("p", {class: "told bad", role: "alert", hidden: true});
    const send = h("button", {class: `button main${danger ? " danger" : ""}`, type: "submit"}, button);
    const cancel = h("button", {class: "button", type: "button", onclick: () => shown.close()}, _("Cancel"));
    const form = h("form", {method: "dialog", novalidate: true},
      h("h2", {}, title), ...content, error, h("div", {class: "acts"}, cancel, send));
    const shown = h("dialog", {"aria-label": title}, form);
    const api = {
      dialog: shown, form, send,
      error: (text) => {
        error.textContent = text ?? "";
        error.hidden = !text;
      },
    };
    form.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && event.repeat) event.preventDefault();
    });
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      if (busy || send.disabled) return;
      busy = true;
      send.disabled = true;
      shown.setAttribute("aria-busy", "true");
      api.error(null);
      try {
        const result = await go(api);
        if (result !== false) {
          done = true;
          shown.close();
        }
      } catch (thrown) {
        const {text, more} = inWords(asResult(thrown).error);
        api.error(`${text} (${more})`);
      } finally {
        busy = false;
        send.disabled = false;
        shown.removeAttribute("aria-busy");
      }
    });
    shown.addEventListener("close", () => {
      shown.remove();
      answer(done);
    });
    one("#layers").append(shown);
    shown.showModal();
    const field = form.querySelector("[autofocus]");
    (focusCancel ? cancel : (field ?? send)).focus();
    if (field?.select && !focusCancel) field.select();
  });
}
