// What is open now, as the server said it last. Tables tell in batches what has changed; nothing in
// them is computed here.
const FINAL = new Set(["FILLED", "CANCELED", "REJECTED", "EXPIRED"]);
const OPEN = new Set(["open", "close_requested"]);
const MARKED = ["mark_price", "price_at", "floating_profit"];
const BATCH_MS = 50;
const NEWEST_KEPT = 500;

export class Table extends EventTarget {
  #put = new Set();
  #gone = new Set();
  #timer = null;

  constructor() {
    super();
    this.rows = new Map();
  }

  get(id) {
    return this.rows.get(id);
  }

  put(row) {
    this.rows.set(row.id, row);
    this.#gone.delete(row.id);
    this.#put.add(row.id);
    this.#soon();
  }

  drop(id) {
    if (!this.rows.delete(id)) return;
    this.#put.delete(id);
    this.#gone.add(id);
    this.#soon();
  }

  // All rows anew; what is not among them is gone.
  replace(rows) {
    const fresh = new Set(rows.map((row) => row.id));
    for (const id of [...this.rows.keys()]) if (!fresh.has(id)) this.drop(id);
    for (const row of rows) this.put(row);
    this.#soon();
  }

  #soon() {
    this.#timer ??= setTimeout(() => {
      this.#timer = null;
      const detail = {put: [...this.#put].map((id) => this.rows.get(id)), gone: [...this.#gone]};
      this.#put.clear();
      this.#gone.clear();
      this.dispatchEvent(new CustomEvent("change", {detail}));
    }, BATCH_MS);
  }
}

export const orders = new Table();
export const positions = new Table();
export const deals = new Table(); // Those made since the page was opened.

export function applySnapshot({orders: someOrders, positions: somePositions}) {
  orders.replace(someOrders);
  positions.replace(somePositions);
}

export function applyMarks(marks) {
  for (const mark of marks) {
    const row = positions.get(mark.id);
    if (row) positions.put({...row, ...mark});
  }
}

export function applyEvent({event, payload}) {
  if (!payload || payload.error) return;
  if (event.startsWith("order_") && payload.id && payload.status) {
    if (FINAL.has(payload.status)) orders.drop(payload.id);
    else orders.put(payload);
  } else if (event.startsWith("position_") && payload.id && payload.state) {
    if (OPEN.has(payload.state)) positions.put(withMarks(payload));
    else positions.drop(payload.id);
  } else if (event === "deal_created" && payload.id) {
    deals.put(payload);
    if (deals.rows.size > NEWEST_KEPT) deals.drop(deals.rows.keys().next().value);
  } else if (event === "deals_superseded") {
    for (const id of payload.deal_ids ?? payload.ids ?? []) deals.drop(id);
  } else if (event === "reassigned") {
    for (const id of payload.order_ids ?? []) orders.drop(id);
    for (const id of payload.moved_position_ids ?? []) positions.drop(id);
  }
}

// An event knows no price. What was known stays until the next mark; what a position of another size
// was worth is not what it is worth.
function withMarks(row) {
  const before = positions.get(row.id);
  if (!before || row.mark_price !== null) return row;
  const kept = Object.fromEntries(MARKED.map((name) => [name, before[name]]));
  const same = ["qty", "avg_price", "side"].every((name) => before[name] === row[name]);
  if (!same) kept.floating_profit = null;
  return {...row, ...kept};
}
