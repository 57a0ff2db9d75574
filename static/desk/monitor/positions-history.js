// Positions that were closed or merged.
import {KINDS} from "../cells.js";
import {h} from "../dom.js";
import {sideFilter, STRATEGY} from "../filters.js";
import {serverList} from "../lists.js";
import {options, REASONS} from "../terms.js";
import {_} from "../words.js";
import {CLOSED_COLUMNS} from "./columns.js";
import {openPosition} from "./details.js";

serverList({
  name: "positions-history", list: "positions/history", label: _("Closed positions"), columns: CLOSED_COLUMNS, onOpen: (row) => openPosition(row.id),
  filters: [{name: "symbol", label: _("Symbol")}, sideFilter, STRATEGY, {name: "reason", label: _("Reason"), options: options(REASONS)},
    {name: "position", param: "position_id", label: _("Position"), type: "number"}],
  sums: [["profit", _("profit")], ["fees", _("fees")]],
  live: {
    events: ["position_closed", "position_merged"], row: (payload) => payload,
    matches: (row, given) => ["symbol", "side", "reason"].every((name) => !given[name] || row[name] === given[name])
      && (!given.strategy || row.strategy_id === Number(given.strategy)) && (!given.position || row.id === Number(given.position)),
  },
  card: (row) => {
    const node = document.createDocumentFragment();
    node.append(h("div", {class: "line"}, h("span", {class: "big"}, row.symbol), KINDS.profit.show(row.profit, row)),
      h("div", {class: "line"}, KINDS.side.show(row.side), KINDS.time.show(row.closed_at)));
    return node;
  },
});
