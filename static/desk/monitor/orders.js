// Open orders: live, to be changed and cancelled.
import {KINDS} from "../cells.js";
import {account, facts, may} from "../facts.js";
import {h, one, replace} from "../dom.js";
import {clearFilters, exportButton, filtered, filters, sideFilter, STRATEGY, toFilters} from "../filters.js";
import {Grid} from "../grid.js";
import {bind} from "../keys.js";
import {chosenAccounts} from "../query.js";
import {orders} from "../store.js";
import {stream} from "../stream.js";
import {options, REASONS, STATUSES} from "../terms.js";
import {viewsButton} from "../views.js";
import {_} from "../words.js";
import {ORDER_COLUMNS} from "./columns.js";
import {openOrder} from "./details.js";
import {cancelOrders, changeOrder, inShort} from "./order_acts.js";

const mayCancel = (row) => may(row.account_id, "can_trade") || may(row.account_id, "can_close_position");
const mayChange = (row) => may(row.account_id, "can_trade") && (row.price !== null || row.trigger_price !== null);
const OPEN_STATES = STATUSES.filter((each) => !["FILLED", "CANCELED", "REJECTED", "EXPIRED"].includes(each));

const fresh = (row) => orders.get(row.id) ?? row;

const grid = new Grid("#grid", {
  name: "orders", label: _("Open orders"), columns: ORDER_COLUMNS, sortable: true, sort: {column: "id", dir: "desc"},
  select: facts.accounts.some((each) => mayCancel({account_id: each.id})), onOpen: (row) => openOrder(row.id), actsWidth: 150,
  acts: (row) => [
    mayChange(row) ? {label: _("Change"), name: "change", why: row.status === "UNKNOWN" ? _("The exchange has not said; it is being checked.") : null, disabled: row.status === "UNKNOWN", act: () => changeOrder(fresh(row))} : null,
    mayCancel(row) ? {label: _("Cancel"), name: "cancel", act: () => cancelOrders([fresh(row)])} : null,
  ].filter(Boolean),
  card: (row) => {
    const node = document.createDocumentFragment();
    node.append(
      h("div", {class: "line"}, h("span", {class: "big"}, row.symbol), KINDS.status.show(row.status)),
      h("div", {class: "line"}, h("span", {}, KINDS.side.show(row.side), " ", KINDS.word.show(row.order_type), " ", KINDS.qty.show(row.qty, row)), h("span", {}, KINDS.price.show(row.price ?? row.trigger_price, row))),
      h("div", {class: "line quiet"}, KINDS.account.show(row.account_id), h("span", {}, KINDS.time.show(row.created_at))),
      h("div", {class: "acts"},
        mayChange(row) ? h("button", {type: "button", class: "button", onclick: () => changeOrder(fresh(row))}, _("Change")) : "",
        mayCancel(row) ? h("button", {type: "button", class: "button danger", onclick: () => cancelOrders([fresh(row)])}, _("Cancel")) : ""));
    return node;
  },
  rowClass: (row, classes) => classes.toggle("closing", row.status === "SENDING" || row.status === "PENDING_SUBMIT"),
});

const symbols = () => [...new Set([...orders.rows.values()].map((row) => row.symbol))].sort().map((each) => [each, each]);
const redrawFilters = filters([
  {name: "symbol", label: _("Symbol"), options: symbols}, sideFilter, STRATEGY,
  {name: "status", label: _("State"), options: options(OPEN_STATES)}, {name: "reason", label: _("Reason"), options: options(REASONS)},
]);

function wanted(row, chosen, given) {
  return chosen.has(row.account_id)
    && ["symbol", "side", "status", "reason"].every((name) => !given[name] || row[name] === given[name])
    && (!given.strategy || row.strategy_id === Number(given.strategy));
}

function showAll() {
  const chosen = new Set(chosenAccounts());
  const given = filtered();
  grid.show([...orders.rows.values()].filter((row) => wanted(row, chosen, given)));
  around();
}

orders.addEventListener("change", ({detail}) => {
  const chosen = new Set(chosenAccounts());
  const given = filtered();
  const inside = detail.put.filter((row) => wanted(row, chosen, given));
  const outside = detail.put.filter((row) => !wanted(row, chosen, given)).map((row) => row.id);
  if (detail.gone.length || inside.some((row) => !grid.row(row.id))) redrawFilters();
  grid.put(inside);
  grid.drop([...detail.gone, ...outside]);
  around();
});

function around() {
  const count = grid.rows().length;
  const all = orders.rows.size;
  one("#count").textContent = count === all ? String(all) : _("%(n)s of %(all)s", {n: count, all});
  if (count || stream.state === "connecting") return grid.say();
  if (all && Object.keys(filtered()).length) {
    return grid.say(h("p", {}, _("0 of %(all)s match.", {all})), h("button", {type: "button", class: "button", onclick: clearFilters}, _("Clear filters")));
  }
  if (!facts.accounts.length) return grid.say(h("p", {}, _("The key that you act through reads no account.")));
  grid.say(h("p", {}, _("No open orders on %(accounts)s.", {accounts: chosenAccounts().map((id) => account(id).label).join(", ")})));
}

grid.addEventListener("selection", () => {
  const ids = grid.selected();
  const bar = one("#chosen");
  bar.hidden = !ids.length;
  if (!ids.length) return;
  replace(bar, h("strong", {}, _("Selected: %(n)s", {n: ids.length})),
    h("button", {type: "button", class: "button small danger", id: "cancel-selected", onclick: () => cancelOrders(grid.selected().map((id) => grid.row(id)).filter(mayCancel))}, _("Cancel selected")),
    h("button", {type: "button", class: "button small", onclick: () => grid.select([])}, _("Select none")));
});

const current = (allowed) => (grid.current && allowed(grid.current) ? fresh(grid.current) : null);
const about = (allowed) => () => current(allowed) && inShort(current(allowed));
const shownToCancel = () => grid.rows().filter(mayCancel);
bind("cancel", () => current(mayCancel) && cancelOrders([current(mayCancel)]), {about: about(mayCancel)});
bind("cancel-shown", () => cancelOrders(shownToCancel(), {title: _("Cancel all that are shown: %(n)s", {n: shownToCancel().length})}),
  {about: () => (shownToCancel().length ? String(shownToCancel().length) : null)});
bind("change-order", () => current(mayChange) && changeOrder(current(mayChange)), {about: about(mayChange)});
bind("filters", toFilters);

replace(one("#head-acts"), viewsButton(grid), grid.columnsButton(), exportButton("orders/open"));
document.addEventListener("query", showAll);
stream.addEventListener("state", around);
showAll();
