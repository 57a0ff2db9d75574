// Levels of the book in price steps: a bid counts at the multiple below it, an ask at the one above, so
// that no quantity stands at a price that is better than its own.
import {addDec, ceiled, floored, mulDec} from "../numbers.js";

export const GROUPS = ["1", "5", "10", "50", "100", "500", "1000"];

export const edge = (side, price, step) => (side === "buy" ? floored(price, step) : ceiled(price, step));

// [[price, qty], …], best first. `isCut`: the book goes on below its last level, so the last group is
// not whole and is left out.
export function grouped(levels, side, step, {isCut = false} = {}) {
  const sums = new Map();
  for (const [price, qty] of levels) {
    const at = edge(side, price, step);
    sums.set(at, sums.has(at) ? addDec(sums.get(at), qty) : qty);
  }
  const found = [...sums];
  return isCut && found.length > 1 ? found.slice(0, -1) : found;
}

// What a group is wide in the market's price, where its tick is known.
export const widthOf = (group, tick) => mulDec(tick, group);
