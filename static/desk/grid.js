// A grid over rows of the API, on Tabulator; below 700 px the same rows as cards. Text is only ever
// text, decimals are ordered by their digits, rows and headers are reached by keyboard.
//
//   const grid = new Grid("#grid", {
//     name: "positions",                 // the name of its columns in the user's settings
//     label: _("Open positions"),
//     columns: [{field: "qty", title: _("Quantity"), kind: "qty"}, …],      // kinds: cells.js
//     sortable: true,                    // only where all rows are loaded
//     select: true,                      // checkboxes; grid.selected() are the ids
//     onOpen: (row) => …,                // Enter, double click
//     acts: (row) => [{label, act, name, icon}],   // buttons at the end of a row
//     card: (row) => node,               // what a card shows
//   });
//   grid.show(rows)   grid.put(rows)   grid.drop(ids)   grid.add(rows)  // further pages, below
import {TabulatorFull as Tabulator} from "../vendor/tabulator/tabulator.js";
import {KINDS} from "./cells.js";
import {h, icon, menu, one, replace} from "./dom.js";
import {facts} from "./facts.js";
import {tell} from "./keys.js";
import {setQuery} from "./query.js";
import {keep} from "./settings.js";
import {_} from "./words.js";

const NARROW = matchMedia("(max-width: 700px)");
const RESORT_MS = 1000;
const KEEP_MS = 800;

export class Grid extends EventTarget {
  #table = null;
  #built = null;
  #rows = new Map();
  #selected = new Set();
  #current = null;
  #pointerIn = false;
  #unsorted = false;

  constructor(selector, options) {
    super();
    this.options = options;
    this.place = typeof selector === "string" ? one(selector) : selector;
    this.place.classList.add("grid");
    this.holder = h("div", {class: "grid-holder"});
    this.nothing = h("div", {class: "grid-nothing", hidden: true});
    this.place.append(this.holder, this.nothing);
    this.place.addEventListener("pointerenter", () => (this.#pointerIn = true));
    this.place.addEventListener("pointerleave", () => (this.#pointerIn = false));
    NARROW.addEventListener("change", () => this.#build());
    document.addEventListener("look", () => this.#build());
    for (const name of ["zone", "markets"]) document.addEventListener(name, () => this.#redraw());
    setInterval(() => this.#resort(), RESORT_MS);
    this.#build();
    tell("↑ ↓ j k", _("To the row above or below"), "rows");
    tell("Enter", _("Details"), "rows");
    if (options.select) tell("x", _("Select the row"), "rows");
  }

  // --- rows --------------------------------------------------------------------------------------
  rows() {
    return [...this.#rows.values()];
  }

  row(id) {
    return this.#rows.get(id);
  }

  show(rows) {
    this.#rows = new Map(rows.map((row) => [row.id, row]));
    this.#prune();
    this.#ready((table) => (table ? table.setData(rows) : this.#cards()));
  }

  add(rows) {
    for (const row of rows) this.#rows.set(row.id, row);
    this.#ready((table) => (table ? table.addData(rows) : this.#cards()));
  }

  put(rows) {
    const fresh = [], known = [];
    for (const row of rows) {
      (this.#rows.has(row.id) ? known : fresh).push(row);
      this.#rows.set(row.id, row);
    }
    if (!rows.length) return;
    this.#unsorted = true;
    this.#ready((table) => {
      if (!table) return this.#cards();
      if (known.length) table.updateData(known);
      if (fresh.length) table.addData(fresh, true);
    });
  }

  drop(ids) {
    const gone = ids.filter((id) => this.#rows.delete(id));
    if (!gone.length) return;
    this.#prune();
    this.#ready((table) => (table ? table.deleteRow(gone) : this.#cards()));
  }

  // What stands where no rows are: nodes, or null while there are some.
  say(...nodes) {
    this.nothing.hidden = !nodes.length;
    replace(this.nothing, ...nodes);
  }

  // --- selection ---------------------------------------------------------------------------------
  selected() {
    return [...this.#selected];
  }

  select(ids) {
    const before = new Set(this.#selected);
    this.#selected = new Set([...ids].filter((id) => this.#rows.has(id)));
    for (const id of new Set([...before, ...this.#selected])) this.#mark(id);
    this.#told();
  }

  toggle(id) {
    if (!this.#selected.delete(id)) this.#selected.add(id);
    this.#mark(id);
    this.#told();
  }

  // The row that keys act on.
  get current() {
    return this.#rows.get(this.#current) ?? null;
  }

  focusRow(id) {
    this.#current = id;
    const row = this.#table?.getRow(id);
    for (const each of this.holder.querySelectorAll("[role=row][tabindex='0'], .row-card[tabindex='0']")) each.tabIndex = -1;
    const node = row ? row.getElement() : this.holder.querySelector(`[data-id="${id}"]`);
    if (!node) return;
    node.tabIndex = 0;
    node.focus({preventScroll: !row});
  }

  #prune() {
    for (const id of this.#selected) if (!this.#rows.has(id)) this.#selected.delete(id);
    this.#told();
  }

  #told() {
    const all = one(".select-all", this.holder);
    if (all) {
      all.checked = this.#rows.size > 0 && this.#selected.size === this.#rows.size;
      all.indeterminate = this.#selected.size > 0 && !all.checked;
    }
    this.dispatchEvent(new CustomEvent("selection"));
  }

  #mark(id) {
    const row = this.#table?.getRow(id);
    const node = row ? row.getElement() : this.holder.querySelector(`[data-id="${id}"]`);
    if (!node) return;
    node.classList.toggle("chosen", this.#selected.has(id));
    const box = one(".select-row", node);
    if (box) box.checked = this.#selected.has(id);
  }

  // --- columns -----------------------------------------------------------------------------------
  // The columns in their order: those of the link, else the user's own, else all that are not extra.
  columns() {
    const named = new URLSearchParams(location.search).get("cols");
    const own = facts.settings.grids?.[this.options.name]?.columns;
    const known = new Map(this.options.columns.map((each) => [each.field, each]));
    if (named) {
      const wanted = named.split(",").filter((field) => known.has(field));
      const rest = [...known.keys()].filter((field) => !wanted.includes(field));
      return [...wanted.map((field) => ({...known.get(field), visible: true})), ...rest.map((field) => ({...known.get(field), visible: false}))];
    }
    if (!own) return this.options.columns.map((each) => ({...each, visible: !each.extra}));
    const kept = own.filter(({field}) => known.has(field)).map((each) => ({...known.get(each.field), width: each.width ?? known.get(each.field).width, visible: each.visible}));
    const fresh = this.options.columns.filter(({field}) => !own.some((each) => each.field === field));
    return [...kept, ...fresh.map((each) => ({...each, visible: !each.extra}))];
  }

  // A button that opens the choice of columns.
  columnsButton() {
    const button = h("button", {type: "button", class: "button small"}, icon("columns"), _("Columns"));
    menu(button, (close) => [
      ...this.columns().map((each) => h("label", {}, h("input", {type: "checkbox", checked: each.visible, onchange: (event) => {
        this.#choose(each.field, event.target.checked);
      }}), each.title)),
      h("hr"),
      h("button", {type: "button", onclick: () => {
        close();
        this.#keepColumns(null);
      }}, _("As at first")),
    ]);
    return button;
  }

  #choose(field, visible) {
    const columns = this.columns().map((each) => (each.field === field ? {...each, visible} : each));
    this.#keepColumns(columns);
  }

  #keepColumns(columns) {
    if (this.#inLink(columns)) return this.#build();
    const told = columns && {columns: columns.map(({field, width, visible}) => ({field, width: width ? Math.round(width) : null, visible}))};
    facts.settings.grids = {...facts.settings.grids, [this.options.name]: told ?? undefined};
    clearTimeout(this.keeping);
    this.keeping = setTimeout(() => keep({grids: {[this.options.name]: told}}), KEEP_MS);
    this.#build();
  }

  // Whether the columns stand in the link: then that is where they change, and not for the person.
  #inLink(columns) {
    const query = new URLSearchParams(location.search);
    if (!query.has("cols")) return false;
    const shown = columns?.filter((each) => each.visible).map((each) => each.field).join(",") ?? "";
    setQuery({cols: shown || null}, {quiet: true});
    return true;
  }

  #moved() {
    const widths = new Map(this.#table.getColumns().map((each) => [each.getField(), each.getWidth()]));
    const shown = [...widths.keys()].filter(Boolean);
    const before = this.columns();
    const order = [...shown.map((field) => before.find((each) => each.field === field)).filter(Boolean),
      ...before.filter((each) => !shown.includes(each.field))];
    if (this.#inLink(order)) return;
    const resized = this.resized;
    const told = {columns: order.map((each) => ({field: each.field, visible: each.visible,
      width: resized?.has(each.field) ? Math.round(widths.get(each.field)) : each.width ?? null}))};
    facts.settings.grids = {...facts.settings.grids, [this.options.name]: told};
    clearTimeout(this.keeping);
    this.keeping = setTimeout(() => keep({grids: {[this.options.name]: told}}), KEEP_MS);
  }

  // --- underneath --------------------------------------------------------------------------------
  #ready(act) {
    this.#built = this.#built.then(() => act(this.#table)).catch((error) => console.warn("grid", String(error)));
  }

  #build() {
    const had = this.holder.contains(document.activeElement);
    this.#table?.destroy();
    this.#table = null;
    replace(this.holder);
    this.resized = new Set(this.columns().filter((each) => each.width).map((each) => each.field));
    if (NARROW.matches && this.options.card) {
      this.#built = Promise.resolve();
      this.#cards();
      return;
    }
    const place = h("div");
    this.holder.append(place);
    const size = getComputedStyle(document.documentElement);
    const table = new Tabulator(place, {
      data: this.rows(), index: "id", height: "100%", layout: "fitColumns", rowHeight: parseInt(size.getPropertyValue("--row"), 10),
      columns: this.#definitions(), movableColumns: true, headerSortElement: () => h("i", {class: "sort"}),
      rowFormatter: (row) => this.#formatRow(row), initialSort: this.options.sort ? [this.options.sort] : undefined,
      columnDefaults: {resizable: "header", headerSortTristate: false}, placeholder: false, autoResize: true,
    });
    this.#table = table;
    this.#built = new Promise((done) => table.on("tableBuilt", () => {
      this.#accessible();
      if (had && this.#current !== null) this.focusRow(this.#current);
      done();
    }));
    table.on("columnMoved", () => this.#moved());
    table.on("columnResized", (column) => {
      this.resized.add(column.getField());
      this.#moved();
    });
    table.on("rowDblClick", (event, row) => !event.target.closest("button, a, input") && this.options.onOpen?.(this.row(row.getIndex())));
    table.on("rowClick", (event, row) => !event.target.closest("button, a, input") && this.focusRow(row.getIndex()));
    table.on("dataSorted", (sorters) => this.dispatchEvent(new CustomEvent("sorted", {detail: sorters.map(({field, dir}) => (dir === "desc" ? "-" : "") + field)[0] ?? ""})));
    place.addEventListener("keydown", (event) => this.#key(event));
  }

  #definitions() {
    const shown = this.columns().filter((each) => each.visible).map((each) => this.#definition(each));
    if (this.options.select) shown.unshift(this.#selectColumn());
    if (this.options.acts) shown.push(this.#actsColumn());
    return shown;
  }

  #definition(each) {
    const kind = KINDS[each.kind ?? "text"];
    const sortable = this.options.sortable && each.sortable !== false;
    return {
      field: each.field, title: each.title, width: each.width ?? (kind.grows ? undefined : kind.width), minWidth: kind.grows ? kind.width : 40,
      hozAlign: kind.right ? "right" : "left", headerHozAlign: kind.right ? "right" : "left", cssClass: `k-${each.kind ?? "text"}`,
      headerSort: Boolean(sortable),
      sorter: kind.compare ? (a, b) => kind.compare(a, b) : (a, b) => String(a ?? "").localeCompare(String(b ?? "")),
      titleFormatter: () => h("span", {title: sortable ? each.title : `${each.title}. ${this.options.unsortable ?? ""}`}, each.title),
      formatter: (cell) => asNode(kind.show(cell.getValue(), this.row(cell.getData().id) ?? cell.getData())),
      ...(each.act ? {cellClick: (event, cell) => each.act(this.row(cell.getData().id))} : {}),
    };
  }

  #selectColumn() {
    return {
      field: "_select", title: "", width: 34, resizable: false, headerSort: false, hozAlign: "center", headerHozAlign: "center", cssClass: "k-select",
      titleFormatter: () => h("input", {type: "checkbox", class: "select-all", "aria-label": _("Select all loaded rows"), onclick: (event) => {
        event.stopPropagation();
        this.select(event.target.checked ? this.#rows.keys() : []);
      }}),
      formatter: (cell) => {
        const {id} = cell.getData();
        return h("input", {type: "checkbox", class: "select-row", checked: this.#selected.has(id), tabindex: "-1", "aria-label": _("Select %(id)s", {id}), onclick: () => this.toggle(id)});
      },
    };
  }

  #actsColumn() {
    return {
      field: "_acts", title: "", headerSort: false, resizable: false, width: this.options.actsWidth ?? 110, cssClass: "k-acts", hozAlign: "right", frozen: true,
      titleFormatter: () => h("span", {class: "sr"}, _("Acts")),
      formatter: (cell) => h("span", {class: "row-acts"}, ...this.options.acts(this.row(cell.getData().id) ?? cell.getData()).map((each) => actButton(each))),
    };
  }

  #formatRow(row) {
    const node = row.getElement();
    const id = row.getIndex();
    const data = this.row(id) ?? row.getData();
    node.dataset.id = id;
    node.tabIndex = id === this.#current || (this.#current === null && row.getPosition() === 1) ? 0 : -1;
    node.classList.toggle("chosen", this.#selected.has(id));
    this.options.rowClass?.(data, node.classList);
  }

  // Tabulator's own roles leave rows without their group.
  #accessible() {
    const root = one(".tabulator", this.holder) ?? this.holder.firstElementChild;
    root.setAttribute("aria-label", this.options.label);
    root.setAttribute("role", "grid");
    for (const [selector, role] of [[".tabulator-tableholder", "rowgroup"], [".tabulator-table", "presentation"], [".tabulator-header", "rowgroup"]]) {
      const node = one(selector, root);
      node?.setAttribute("role", role);
      node?.removeAttribute("tabindex");
    }
    one(".tabulator-header-contents", root)?.setAttribute("role", "presentation");
    one(".tabulator-headers", root)?.setAttribute("role", "row");
    for (const node of root.querySelectorAll("[aria-owns]")) node.removeAttribute("aria-owns");
    for (const node of root.querySelectorAll(".tabulator-sortable")) {
      node.tabIndex = 0;
      node.addEventListener("keydown", (event) => {
        if (event.key === "Enter" || event.key === " ") {
          event.preventDefault();
          event.stopPropagation();
          node.click();
        }
      });
    }
  }

  #key(event) {
    const node = event.target.closest?.("[role=row][data-id]");
    if (!node || event.target.closest("input, button, a")) return;
    const id = this.#idOf(node);
    const row = this.#table.getRow(id);
    if (!row) return;
    const steps = {ArrowDown: 1, j: 1, ArrowUp: -1, k: -1};
    if (event.key in steps && !event.ctrlKey && !event.altKey && !event.metaKey) {
      event.preventDefault();
      const next = steps[event.key] > 0 ? row.getNextRow() : row.getPrevRow();
      if (next) this.#table.scrollToRow(next, "nearest", false).then(() => this.focusRow(next.getIndex()), () => this.focusRow(next.getIndex()));
    } else if (event.key === "Enter" && !event.repeat) {
      event.preventDefault();
      this.options.onOpen?.(this.row(id));
    } else if (event.key === "x" || event.key === " ") {
      event.preventDefault();
      if (this.options.select) this.toggle(id);
    }
  }

  #idOf(node) {
    const text = node.dataset.id;
    return this.#rows.has(Number(text)) ? Number(text) : text;
  }

  #resort() {
    if (!this.#unsorted || this.#pointerIn || !this.#table || document.visibilityState !== "visible") return;
    this.#unsorted = false;
    const sorters = this.#table.getSorters?.() ?? [];
    if (sorters.length) this.#ready((table) => table?.setSort(sorters.map(({field, dir}) => ({column: field, dir}))));
  }

  #redraw() {
    if (!this.#table) return this.#cards();
    this.#ready((table) => table?.getRows().forEach((row) => row.reformat()));
  }

  #cards() {
    if (this.#table || !this.options.card) return;
    const sorted = this.rows();
    replace(this.holder, h("div", {class: "cards", role: "list", "aria-label": this.options.label}, ...sorted.map((row) => {
      const node = h("div", {class: "row-card", role: "listitem", tabindex: "0", dataset: {id: row.id}, onclick: (event) => {
        if (!event.target.closest("button, a, input")) this.options.onOpen?.(row);
      }, onfocus: () => (this.#current = row.id)}, this.options.card(row));
      this.options.rowClass?.(row, node.classList);
      return node;
    })));
  }
}

const asNode = (value) => (value instanceof Node ? value : document.createTextNode(String(value)));

export function actButton({label, act, name, icon: drawing, disabled, why}) {
  return h("button", {type: "button", class: "row-act", title: why ?? label, "aria-label": drawing ? label : undefined, disabled, dataset: {act: name ?? ""}, onclick: (event) => {
    event.stopPropagation();
    act(event);
  }}, drawing ? icon(drawing) : label);
}
