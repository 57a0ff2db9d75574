// Which account, market and timeframe the page shows. They stand in the link; "here" is told when one
// of them changes, with the names of what changed.
import {account, facts} from "../facts.js";
import {setQuery} from "../query.js";

export const TIMEFRAMES = {"1m": 60, "5m": 300, "15m": 900, "1h": 3600, "4h": 14400, "1d": 86400};
const KEPT = "desk.trade.symbols";
const FIRST = ["BTC/USDT", "BTC/USDT:USDT", "BTC/USDC", "BTC/USD"];

function kept() {
  try {
    return JSON.parse(localStorage.getItem(KEPT)) ?? {};
  } catch {
    return {};
  }
}

class Here extends EventTarget {
  constructor() {
    super();
    const query = new URLSearchParams(location.search);
    const wanted = [query.get("account"), ...(query.get("accounts") ?? "").split(",")].map(Number);
    this.accountId = wanted.find((id) => account(id)) ?? facts.accounts[0]?.id ?? null;
    this.symbol = query.get("symbol") || null;
    this.timeframe = TIMEFRAMES[query.get("tf")] ? query.get("tf") : "1m";
  }

  get account() {
    return account(this.accountId);
  }

  // Whether a row of orders, positions or deals belongs to what is shown.
  has(row) {
    return row.account_id === this.accountId && row.symbol === this.symbol;
  }

  choose(changes) {
    const before = {accountId: this.accountId, symbol: this.symbol, timeframe: this.timeframe};
    Object.assign(this, changes);
    const changed = Object.keys(before).filter((name) => before[name] !== this[name]);
    if (!changed.length) return;
    setQuery({account: String(this.accountId ?? ""), symbol: this.symbol, tf: this.timeframe === "1m" ? null : this.timeframe});
    this.#keep();
    this.dispatchEvent(new CustomEvent("here", {detail: new Set(changed)}));
  }

  // The market that was shown last on the account, else one that most exchanges have.
  likely(symbols) {
    return [kept()[this.accountId], ...FIRST].find((each) => symbols.includes(each)) ?? symbols[0] ?? null;
  }

  #keep() {
    if (!this.symbol) return;
    try {
      localStorage.setItem(KEPT, JSON.stringify({...kept(), [this.accountId]: this.symbol}));
    } catch { /* A browser that stores nothing begins anew. */ }
  }
}

export const here = new Here();
