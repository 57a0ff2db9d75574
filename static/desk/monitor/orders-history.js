// Orders that have ended.
import {KINDS} from "../cells.js";
import {h} from "../dom.js";
import {sideFilter, STRATEGY} from "../filters.js";
import {serverList} from "../lists.js";
import {options, REASONS} from "../terms.js";
import {_} from "../words.js";
import {ORDER_COLUMNS} from "./columns.js";
import {openOrder} from "./details.js";

const ENDED = ["FILLED", "CANCELED", "REJECTED", "EXPIRED"];

serverList({
  name: "orders-history", list: "orders/history", label: _("Order history"), columns: ORDER_COLUMNS, onOpen: (row) => openOrder(row.id),
  filters: [{name: "symbol", label: _("Symbol")}, sideFilter, STRATEGY, {name: "status", label: _("State"), options: options(ENDED)},
    {name: "reason", label: _("Reason"), options: options(REASONS)}, {name: "order", param: "order_id", label: _("Order"), type: "number"},
    {name: "position", param: "position_id", label: _("Position"), type: "number"}],
  live: {
    events: ["order_updated", "order_canceled", "order_rejected", "order_expired"], row: (payload) => (ENDED.includes(payload.status) ? payload : null),
    matches: (row, given) => ["symbol", "side", "status", "reason"].every((name) => !given[name] || row[name] === given[name])
      && (!given.strategy || row.strategy_id === Number(given.strategy)) && (!given.order || row.id === Number(given.order))
      && (!given.position || row.position_id === Number(given.position)),
  },
  card: (row) => {
    const node = document.createDocumentFragment();
    node.append(h("div", {class: "line"}, h("span", {class: "big"}, row.symbol), KINDS.status.show(row.status)),
      h("div", {class: "line"}, h("span", {}, KINDS.side.show(row.side), " ", KINDS.word.show(row.order_type), " ", KINDS.qty.show(row.filled_qty, row), " / ", KINDS.qty.show(row.qty, row)), KINDS.time.show(row.closed_at)));
    return node;
  },
});
