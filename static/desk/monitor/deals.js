// Deals: what was executed and what it earned; new ones come by themselves.
import {KINDS} from "../cells.js";
import {h} from "../dom.js";
import {sideFilter, STRATEGY} from "../filters.js";
import {serverList} from "../lists.js";
import {options, REASONS} from "../terms.js";
import {_} from "../words.js";
import {DEAL_COLUMNS} from "./columns.js";
import {openDeal} from "./details.js";

serverList({
  name: "deals", list: "deals", label: _("Deals"), columns: DEAL_COLUMNS, onOpen: openDeal,
  filters: [{name: "symbol", label: _("Symbol")}, sideFilter, STRATEGY, {name: "reason", label: _("Reason"), options: options(REASONS)},
    {name: "order", param: "order_id", label: _("Order"), type: "number"}, {name: "position", param: "position_id", label: _("Position"), type: "number"}],
  sums: [["profit", _("profit")], ["fee_quote", _("fees")]],
  live: {
    events: ["deal_created"], row: (payload) => payload,
    matches: (row, given) => (!given.symbol || row.symbol === given.symbol) && (!given.side || row.side === given.side)
      && (!given.strategy || row.strategy_id === Number(given.strategy)) && (!given.reason || row.reason === given.reason)
      && (!given.order || row.order_id === Number(given.order)) && (!given.position || row.position_id === Number(given.position)),
  },
  card: (row) => {
    const node = document.createDocumentFragment();
    node.append(h("div", {class: "line"}, h("span", {class: "big"}, row.symbol), KINDS.profit.show(row.profit, row)),
      h("div", {class: "line"}, h("span", {}, KINDS.side.show(row.side), " ", KINDS.qty.show(row.qty, row), " @ ", KINDS.price.show(row.price, row)), KINDS.time.show(row.executed_at)));
    return node;
  },
});
