// A list that the server cuts and pages: by cursor, newest id first. What it shows is in the link. What
// is made meanwhile is counted ("12 newer") and shown when it is asked for, or at once where the list
// stands at its newest end and the page says so by `live`.
//
//   serverList({
//     name: "deals", list: "deals", label: _("Deals"), columns, filters: [...], sums: ["profit", …],
//     live: {event: "deal_created", row: (payload) => payload},   // what counts as newer
//     onOpen, card, acts,
//   })
import {chosenAccounts} from "./query.js";
import {account, facts, rest} from "./facts.js";
import {clearFilters, exportButton, fileButton, filtered, filters, inWords, restQuery, toFilters} from "./filters.js";
import {Grid} from "./grid.js";
import {h, one, replace} from "./dom.js";
import {bind} from "./keys.js";
import {addDec, money, moneyOf, signOf} from "./numbers.js";
import {stream} from "./stream.js";
import {viewsButton} from "./views.js";
import {_} from "./words.js";

const AT_ONCE = 100;
const NEAR_END_PX = 400;
const FOLLOWING_MOST = 500;
const MOST_CHOSEN = 500;

export function serverList(options) {
  const grid = new Grid("#grid", {
    name: options.name, label: options.label, columns: options.columns, sortable: false, select: true, onOpen: options.onOpen, card: options.card,
    acts: options.acts, actsWidth: options.actsWidth, unsortable: _("This list is in the order of its ids: all of it is more than is loaded."),
  });
  const bar = h("div", {class: "loading-bar"});
  const foot = h("div", {class: "list-foot"});
  one("#grid").before(bar);
  one("#grid").after(foot);
  filters([...options.filters, ...(options.days === false ? [] : [
    {name: "from", param: "start_date", label: _("From"), type: "date"},
    {name: "to", param: "end_date", label: _("To"), type: "date"},
  ])]);
  let cursor = null;
  let loading = null;
  let newer = 0;
  let failed = null;
  let scanned = false;
  const stands = () => new URLSearchParams(location.search).get("cursor");

  async function load({more = false} = {}) {
    loading?.abort();
    loading = new AbortController();
    const mine = loading;
    failed = null;
    if (!more) newer = 0;
    around();
    try {
      if (!chosenAccounts().length) {
        grid.show([]);
        cursor = null;
        return;
      }
      const query = restQuery({limit: String(AT_ONCE), cursor: more ? cursor : stands()});
      const page = await rest(`oms/${options.list}?${query}`, {signal: mine.signal});
      if (mine !== loading) return;
      if (more) grid.add(page.items);
      else grid.show(page.items);
      cursor = page.next_cursor;
      scanned = page.items.length < AT_ONCE && cursor !== null;
    } catch (error) {
      if (error.name === "AbortError") return;
      failed = error;
    } finally {
      if (mine === loading) {
        loading = null;
        around();
      }
    }
  }

  function around() {
    bar.classList.toggle("on", loading !== null);
    const count = grid.rows().length;
    one("#count").textContent = cursor ? _("%(n)s loaded, there are more", {n: count}) : String(count);
    nothing(count);
    const parts = [];
    if (newer) {
      parts.push(h("button", {type: "button", class: "button small", id: "newer", onclick: () => newest()}, _("Newer: %(n)s", {n: newer})));
    } else if (stands()) parts.push(h("button", {type: "button", class: "button small", onclick: () => newest()}, _("To the newest")));
    if (cursor && !loading) parts.push(h("button", {type: "button", class: "button small", id: "more", onclick: () => load({more: true})}, scanned ? _("Search on") : _("More")));
    if (scanned && !loading) parts.push(h("span", {class: "quiet"}, _("Only a part of the list was searched.")));
    if (options.sums) parts.push(h("span", {class: "grow"}), ...totals());
    replace(foot, ...parts);
  }

  function newest() {
    const query = new URLSearchParams(location.search);
    query.delete("cursor");
    history.replaceState(null, "", `${location.pathname}${query.size ? `?${query}` : ""}`);
    load();
  }

  function totals() {
    const sums = new Map();
    for (const row of grid.rows()) {
      const name = row.profit_currency ?? moneyOf(row.symbol);
      const sum = sums.get(name) ?? Object.fromEntries(options.sums.map(([field]) => [field, "0"]));
      for (const [field] of options.sums) if (row[field]) sum[field] = addDec(sum[field], row[field]);
      sums.set(name, sum);
    }
    const figure = (field, text) => (field === "profit"
      ? h("dd", {class: signOf(text) > 0 ? "gain" : signOf(text) < 0 ? "loss" : "", title: text}, (signOf(text) > 0 ? "+" : "") + money(text))
      : h("dd", {title: text}, money(text)));
    return [h("span", {class: "quiet"}, _("Of the loaded rows:")), ...[...sums].sort().map(([name, sum]) => h("dl", {class: "sum"},
      h("dt", {}, name), ...options.sums.flatMap(([field, label]) => [h("dt", {}, label), figure(field, sum[field])])))];
  }

  function nothing(count) {
    if (failed) {
      return grid.say(h("p", {class: "told bad"}, failed.message), h("small", {class: "quiet"}, [failed.code, failed.requestId].filter(Boolean).join(" · ")),
        h("button", {type: "button", class: "button", onclick: () => load()}, _("Try again")));
    }
    if (count) return grid.say();
    if (loading) return grid.say(h("div", {class: "skeleton"}, ...Array.from({length: 5}, () => h("i"))));
    if (!facts.accounts.length) return grid.say(h("p", {}, _("The key that you act through reads no account.")));
    if (Object.keys(filtered()).length) {
      return grid.say(h("p", {}, cursor ? _("Nothing found so far.") : _("Nothing matches: %(filter)s", {filter: inWords()})),
        h("button", {type: "button", class: "button", onclick: clearFilters}, _("Clear filters")));
    }
    grid.say(h("p", {}, _("Nothing yet on %(accounts)s.", {accounts: chosenAccounts().map((id) => account(id).label).join(", ")})));
  }

  // What was made since: at the newest end, unsearched, it comes by itself.
  const pending = [];
  let soon = null;
  stream.addEventListener("event", ({detail}) => {
    if (!options.live || !options.live.events.includes(detail.event) || !chosenAccounts().includes(detail.account_id)) return;
    const row = options.live.row(detail.payload);
    if (!row || !options.live.matches(row, filtered())) return;
    if (stands() || filtered().to || grid.rows().length > FOLLOWING_MOST) newer += 1;
    else pending.push(row);
    soon ??= setTimeout(() => {
      soon = null;
      const scrolled = (one(".tabulator-tableholder", grid.holder)?.scrollTop ?? 0) > 0;
      const fresh = pending.splice(0);
      if (scrolled) newer += fresh.length;
      else if (fresh.length) grid.put(fresh);
      around();
    }, 200);
  });

  // What is done to rows of a history is that they leave as a file: those chosen, or, by a second
  // click that says what they are, all that the filter shows, loaded or not.
  let isAll = false;
  function chosen() {
    const ids = grid.selected();
    const place = one("#chosen");
    place.hidden = !ids.length;
    if (!ids.length) return (isAll = false);
    const every = ids.length === grid.rows().length && cursor !== null;
    isAll &&= every;
    const many = !isAll && ids.length > MOST_CHOSEN;
    const filter = inWords();
    return replace(place,
      h("strong", {}, isAll ? _("All that match are selected: %(filter)s", {filter: filter || _("no filter")}) : _("Selected: %(n)s", {n: ids.length})),
      every && !isAll ? h("button", {type: "button", class: "button small", id: "select-matching", onclick: () => {
        isAll = true;
        chosen();
      }}, _("Select all that match: %(filter)s", {filter: filter || _("no filter")})) : null,
      many ? h("span", {class: "told warn"}, _("At most %(n)s rows can be chosen one by one.", {n: MOST_CHOSEN}))
        : fileButton({list: options.list, id: "export-selected", label: _("Export selected"), more: () => (isAll ? {} : {ids: ids.join(",")})}),
      h("button", {type: "button", class: "button small", onclick: () => grid.select([])}, _("Select none")));
  }
  grid.addEventListener("selection", chosen);

  grid.holder.addEventListener("scroll", (event) => {
    const {scrollTop, clientHeight, scrollHeight} = event.target;
    if (cursor && !loading && !scanned && scrollHeight - scrollTop - clientHeight < NEAR_END_PX && scrollTop > 0) load({more: true});
  }, true);
  document.addEventListener("query", () => load());
  stream.addEventListener("caughtup", () => load());
  bind("filters", toFilters);
  replace(one("#head-acts"), viewsButton(grid), grid.columnsButton(), exportButton(options.list));
  load();
  return grid;
}
