// What the account that is shown has free, and what holds it back: as exchange and risk desk say it.
import {rest} from "../facts.js";
import {stream} from "../stream.js";
import {here} from "./here.js";

const AFTER_MS = 700;
const EVERY_MS = 30000;
const MOVES = /^(order_(submitted|updated|canceled|rejected|expired)|deal_created|close_by_executed|reassigned)$/;

class Standing extends EventTarget {
  #timer = null;

  constructor() {
    super();
    this.#empty();
    here.addEventListener("here", ({detail}) => detail.has("accountId") && this.follow());
    stream.addEventListener("state", () => stream.state === "live" && this.#soon());
    stream.addEventListener("event", ({detail}) => {
      if (detail.account_id !== here.accountId) return;
      if (detail.namespace === "risk") this.#risk(detail.payload);
      else if (MOVES.test(detail.event)) this.#soon();
    });
    setInterval(() => document.visibilityState === "visible" && this.#soon(), EVERY_MS);
  }

  follow() {
    this.#empty();
    this.#tell();
    this.#load();
    this.#risk(null);
  }

  // What is free of a currency, as a string; null while nobody knows.
  free(currency) {
    return this.balances ? (this.balances[currency] ?? "0") : null;
  }

  #empty() {
    this.balances = null;
    this.risk = null;
    this.said = null;
  }

  #soon() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#load(), AFTER_MS);
  }

  async #load() {
    const accountId = here.accountId;
    if (!accountId || stream.state !== "live") return;
    try {
      const told = await stream.ask("ccxt/call", {account_id: accountId, func: "fetchBalance", args: []});
      if (accountId !== here.accountId) return;
      this.balances = told.result.free ?? {};
      this.#tell();
    } catch { /* What is free stays unknown; the ticket says so. */ }
  }

  // Who held it back and why is in the event; what is held back now is asked for.
  async #risk(said) {
    const accountId = here.accountId;
    if (!accountId) return;
    if (said?.comment) this.said = said;
    try {
      const told = await rest(`oms/risk/${accountId}`);
      if (accountId !== here.accountId) return;
      this.risk = told;
      this.#tell();
    } catch { /* A key that may not read it is told by the check. */ }
  }

  #tell() {
    this.dispatchEvent(new CustomEvent("change"));
  }
}

export const standing = new Standing();
