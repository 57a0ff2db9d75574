// One /ws per page. It is believed only while messages come: a socket that is silent for longer than
// two heartbeats is shown as such, then left, and taken up again where it stopped (since_seq). States:
// connecting, live, stale, disconnected, ended (the log-in is over).
//
//   stream.addEventListener("state", () => …)   stream.state, stream.until (next try, ms)
//   stream.addEventListener("event", ({detail}) => …)       every logged event, in order, once
//   stream.addEventListener("market", ({detail}) => …)      what ccxt/subscribe_market brings
//   await stream.ask("ccxt/call", {…})                      an answer, or Refusal or Unanswered
import {facts, Refusal, rest} from "./facts.js";
import {applyEvent, applyMarks, applySnapshot} from "./store.js";

// Two heartbeats, and a moment for the second.
export const silentAfterMs = (heartbeatS) => 2 * heartbeatS * 1000 + 1500;
export const SILENT_MS = silentAfterMs(facts.heartbeat_s);
const LEAVE_MS = SILENT_MS + 4000;
const OPENING_MS = 8000;
const FIRST_DELAY_MS = 500;
const LONGEST_DELAY_MS = 15000;
const LOOK_MS = 250;
const ASLEEP_MS = 5000;

// No answer came. Whatever was asked may have been done.
export class Unanswered extends Error {}

class Stream extends EventTarget {
  state = "connecting";
  heardAt = Date.now();
  openedAt = Date.now();
  silentSince = null;
  until = null;
  accountIds = [];
  #socket = null;
  #seq = null;
  #asked = new Map();
  #snapshot = null;
  #next = 1;
  #tries = 0;
  #missed = 0;
  #retry = null;
  #lookedAt = Date.now();

  // Follow these accounts; the first snapshot fills the store.
  follow(accountIds) {
    this.accountIds = [...accountIds];
    this.#open();
    setInterval(() => this.#look(), LOOK_MS);
    addEventListener("online", () => this.now());
    document.addEventListener("visibilitychange", () => {
      if (document.visibilityState === "visible") this.#wake();
    });
    addEventListener("pagehide", () => this.#socket?.close());
  }

  // Other accounts than before: after a right was given or taken.
  refollow(accountIds) {
    this.accountIds = [...accountIds];
    this.#seq = null;
    this.#leave();
    this.#open();
  }

  // Connect now, not at the end of the pause.
  now() {
    if (this.state === "live" || this.state === "stale") return;
    clearTimeout(this.#retry);
    this.#open();
  }

  // Milliseconds since anything was heard.
  get age() {
    return Date.now() - this.heardAt;
  }

  ask(action, payload = {}, {patienceMs = 15000} = {}) {
    return new Promise((resolve, reject) => {
      if (this.#socket?.readyState !== WebSocket.OPEN) return reject(new Unanswered());
      const id = this.#next++;
      const timer = setTimeout(() => {
        this.#asked.delete(id);
        reject(new Unanswered());
      }, patienceMs);
      this.#asked.set(id, {resolve, reject, timer});
      this.#socket.send(JSON.stringify({id, action, payload}));
    });
  }

  #open() {
    clearTimeout(this.#retry);
    this.until = null;
    this.#leave();
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    const socket = new WebSocket(`${scheme}://${location.host}/ws`);
    this.#socket = socket;
    this.openedAt = Date.now();
    socket.onopen = () => this.#subscribe();
    socket.onmessage = ({data}) => socket === this.#socket && this.#hear(JSON.parse(data));
    socket.onclose = ({code}) => socket === this.#socket && this.#lost(code);
  }

  #leave() {
    const socket = this.#socket;
    this.#socket = null;
    if (socket) {
      socket.onopen = socket.onmessage = socket.onclose = null;
      socket.close();
    }
    for (const {reject, timer} of this.#asked.values()) {
      clearTimeout(timer);
      reject(new Unanswered());
    }
    this.#asked.clear();
  }

  #subscribe() {
    this.heardAt = Date.now();
    if (!this.accountIds.length) {
      this.#be("live");
      return;
    }
    this.#snapshot = {orders: [], positions: []};
    this.#missed = 0;
    const payload = {account_ids: this.accountIds, namespaces: ["position", "risk"]};
    if (this.#seq) payload.since_seq = this.#seq;
    this.#socket.send(JSON.stringify({id: 0, action: "subscribe", payload}));
  }

  #hear(told) {
    this.heardAt = Date.now();
    if (told.type === "ws_heartbeat") this.#beat(told.payload.seq);
    else if (told.type === "ws_event") this.#happened(told);
    else if (told.id === 0) this.#subscribed(told);
    else if (this.#asked.has(told.id)) this.#answered(told);
    if (this.state === "stale") this.#be("live");
  }

  #beat(seqs) {
    for (const [id, seq] of Object.entries(seqs)) {
      if (this.#seq?.[id] !== undefined && seq !== this.#seq[id]) return this.#again();
    }
  }

  #happened(told) {
    if (told.event === "positions_marked") return applyMarks(told.payload.positions);
    if (told.seq === undefined || told.seq === null) {
      if (told.namespace === "ccxt") this.#tell("market", told);
      return;
    }
    const id = told.account_id;
    if (this.#seq && this.#seq[id] !== undefined && told.prev_seq !== this.#seq[id]) return this.#again();
    this.#seq[id] = told.seq;
    if (this.#snapshot) this.#missed += 1;
    applyEvent(told);
    this.#tell("event", told);
  }

  #subscribed(told) {
    if (!told.ok) return this.#refused(told.payload);
    if (told.event === "subscribed") this.#seq = {...told.payload.seq};
    else if (told.event === "snapshot_open_orders") this.#snapshot.orders.push(...told.payload.items);
    else if (told.event === "snapshot_open_positions") this.#snapshot.positions.push(...told.payload.items);
    else if (told.event === "snapshot_done") {
      applySnapshot(this.#snapshot);
      this.#snapshot = null;
      this.#tries = 0;
      const first = this.state === "connecting";
      this.silentSince = null;
      this.#be("live");
      if (!first) this.#tell("caughtup", {events: this.#missed});
    }
  }

  #refused({code}) {
    if (code === "events_expired" || code === "validation_error") {
      this.#seq = null;
      this.#tell("expired");
      this.#subscribe();
    } else this.#lost(4403);
  }

  #answered(told) {
    const {resolve, reject, timer} = this.#asked.get(told.id);
    clearTimeout(timer);
    this.#asked.delete(told.id);
    if (told.ok || told.payload?.results) resolve(told.payload);
    else reject(new Refusal(told.payload));
  }

  // What was heard has a hole: begin again where it was whole.
  #again() {
    this.#leave();
    this.#be("disconnected");
    this.#open();
  }

  async #lost(code) {
    this.#leave();
    if (code === 4401) return this.#be("ended");
    this.silentSince ??= this.heardAt;
    const delay = Math.min(FIRST_DELAY_MS * 2 ** this.#tries, LONGEST_DELAY_MS);
    this.#tries += 1;
    const wait = delay * (0.5 + Math.random() / 2);
    this.until = Date.now() + wait;
    this.#be("disconnected");
    this.#retry = setTimeout(() => this.#open(), wait);
    if (code === 4403) await this.#rights();
  }

  async #rights() {
    try {
      facts.accounts = (await rest("oms/accounts")).items;
    } catch {
      return;
    }
    this.accountIds = facts.accounts.map((each) => each.id);
    this.#seq = null;
    this.#tell("rights");
  }

  #look() {
    const slept = Date.now() - this.#lookedAt > ASLEEP_MS;
    this.#lookedAt = Date.now();
    if (slept && document.visibilityState === "visible") this.#wake();
    const waits = this.#socket && this.#socket.readyState !== WebSocket.OPEN;
    if (waits && Date.now() - this.openedAt > OPENING_MS) return this.#lost(0);
    if (this.state === "live" && this.age > SILENT_MS) {
      this.silentSince = this.heardAt;
      this.#be("stale");
      if (this.#socket?.readyState === WebSocket.OPEN) {
        this.#socket.send(JSON.stringify({id: -1, action: "ping"}));
      }
    } else if (this.state === "stale" && this.age > LEAVE_MS) this.#lost(0);
    else if (this.#snapshot && this.age > SILENT_MS) this.#lost(0);
  }

  // Back from sleep or from another tab: what is old is said to be old before anything else.
  #wake() {
    this.#lookedAt = Date.now();
    if (this.state === "live" && this.age > SILENT_MS) this.#lost(0);
    this.now();
  }

  #be(state) {
    if (state === "live") this.silentSince = null;
    if (this.state === state && state !== "disconnected") return;
    this.state = state;
    this.#tell("state", state);
  }

  #tell(name, detail) {
    this.dispatchEvent(new CustomEvent(name, {detail}));
  }
}

export const stream = new Stream();
