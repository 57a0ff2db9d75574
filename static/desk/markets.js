// The rules of markets, as far as rows on the page need them: steps, limits, money. Asked once each,
// many at a time. `market(accountId, symbol)` is null until it is known; "markets" is told on
// `document` then.
import {rest} from "./facts.js";
import {decimalsOf} from "./numbers.js";

const ASK_AGAIN_MS = 30000;

const known = new Map();
const wanted = new Map();
let timer = null;

const nameOf = (accountId, symbol) => `${accountId} ${symbol}`;

export function market(accountId, symbol) {
  if (!accountId || !symbol) return null; // No account can be read, or no market is chosen yet.
  const name = nameOf(accountId, symbol);
  if (!known.has(name)) {
    known.set(name, null);
    if (!wanted.has(accountId)) wanted.set(accountId, new Set());
    wanted.get(accountId).add(symbol);
    timer ??= setTimeout(load, 30);
  }
  return known.get(name);
}

// Decimals that a price of the market is written with; 0 while that is not known.
export const priceDecimals = (accountId, symbol) => decimalsOf(market(accountId, symbol)?.price_step ?? "");
export const qtyDecimals = (accountId, symbol) => decimalsOf(market(accountId, symbol)?.qty_step ?? "");

async function load() {
  timer = null;
  const asked = [...wanted];
  wanted.clear();
  await Promise.all(asked.map(async ([accountId, symbols]) => {
    try {
      const query = new URLSearchParams({account_ids: accountId, symbols: [...symbols].join(",")});
      for (const row of (await rest(`oms/symbols?${query}`)).items) known.set(nameOf(accountId, row.symbol), row);
    } catch {
      setTimeout(() => symbols.forEach((symbol) => known.delete(nameOf(accountId, symbol))), ASK_AGAIN_MS);
    }
  }));
  document.dispatchEvent(new CustomEvent("markets"));
}
