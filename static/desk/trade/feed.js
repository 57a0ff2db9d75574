// What the market says now: ticker, book, trades, the newest candles, of the market that is shown. It
// comes through the page's one socket and is asked for anew whenever that is a new one.
//
//   feed.ticker, feed.book ({bids, asks}: [[price, qty], …]), feed.trades (newest first), feed.age()
//   "ticker" "book" "trades" "candles" ({detail: rows}) "failed" "anew" are told
import {now} from "../facts.js";
import {stream} from "../stream.js";
import {here} from "./here.js";

export const POLL_MS = 1000;
export const BOOK_DEPTH = 100; // All that the server reads of a book.
const SLOW_POLL_MS = 2000;
const OLD_MS = Math.max(3 * POLL_MS, 5000);
const TRADES_KEPT = 60;

class Feed extends EventTarget {
  #wanted = null;
  #turn = 0;

  constructor() {
    super();
    this.#empty();
    stream.addEventListener("state", () => this.#connected());
    stream.addEventListener("market", ({detail}) => this.#hear(detail));
  }

  // Requests of a socket run side by side: what was followed is left before anything is followed anew.
  async follow() {
    this.#empty();
    this.#tell("anew");
    const turn = (this.#turn += 1);
    await this.#leave();
    if (turn === this.#turn) this.#connected();
  }

  // Milliseconds since the market was last heard of; Infinity where it never was.
  age() {
    return this.heardAt ? Date.now() - this.heardAt : Infinity;
  }

  isOld() {
    return stream.state !== "live" || this.age() > OLD_MS;
  }

  #empty() {
    this.ticker = null;
    this.book = null;
    this.trades = [];
    this.heardAt = null;
    this.failure = null;
  }

  #connected() {
    if (stream.state === "disconnected" || stream.state === "ended") this.#wanted = null;
    if (stream.state === "live" && !this.#wanted) this.#subscribe();
  }

  async #subscribe() {
    if (!here.symbol || !here.accountId) return;
    const place = {account_id: here.accountId, symbol: here.symbol};
    const timeframe = here.timeframe;
    this.#wanted = {...place, timeframe};
    const {accountId, symbol} = here;
    try {
      await Promise.all([
        stream.ask("ccxt/subscribe_market", {...place, channels: ["ticker", "orderbook"], depth: BOOK_DEPTH, poll_interval_ms: POLL_MS}),
        stream.ask("ccxt/subscribe_market", {...place, channels: ["trades"], limit: TRADES_KEPT, poll_interval_ms: SLOW_POLL_MS}),
        stream.ask("ccxt/subscribe_market", {...place, channels: ["ohlcv"], timeframe, limit: 3, poll_interval_ms: SLOW_POLL_MS}),
      ]);
    } catch (error) {
      if (here.accountId !== accountId || here.symbol !== symbol || !error.code) return;
      this.failure = error;
      this.#tell("failed");
    }
  }

  async #leave() {
    const wanted = this.#wanted;
    this.#wanted = null;
    if (!wanted || stream.state !== "live") return;
    const {account_id, symbol} = wanted;
    await stream.ask("ccxt/unsubscribe_market", {account_id, symbol}).catch(() => {});
  }

  #hear({event, account_id: accountId, payload}) {
    if (accountId !== here.accountId || payload.symbol !== here.symbol) return;
    if (event === "market_failed") {
      this.failure = payload.error;
      return this.#tell("failed");
    }
    if (payload.channel === "ohlcv") {
      if (payload.timeframe === here.timeframe) this.#tell("candles", payload.data);
      return;
    }
    this.heardAt = Date.now();
    if (this.failure) {
      this.failure = null;
      this.#tell("failed");
    }
    if (payload.channel === "ticker") this.ticker = {...payload.data, heardAt: now()};
    else if (payload.channel === "orderbook") this.book = payload.data;
    else if (payload.channel === "trades") this.#traded(payload.data);
    this.#tell({ticker: "ticker", orderbook: "book", trades: "trades"}[payload.channel]);
  }

  #traded(rows) {
    const known = new Set(this.trades.map((row) => row.id));
    const fresh = rows.filter((row) => row.id === null || !known.has(row.id)).sort((a, b) => b.timestamp - a.timestamp);
    this.trades = [...fresh, ...this.trades].slice(0, TRADES_KEPT);
  }

  #tell(name, detail) {
    this.dispatchEvent(new CustomEvent(name, {detail}));
  }
}

export const feed = new Feed();

// The best prices, as strings: the book's, else the ticker's.
export const bid = () => feed.book?.bids[0]?.[0] ?? feed.ticker?.bid ?? null;
export const ask = () => feed.book?.asks[0]?.[0] ?? feed.ticker?.ask ?? null;
