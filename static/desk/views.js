// Views: a page with what it selects, kept under a name, one's own or shared.
import {ask} from "./act.js";
import {facts, rest} from "./facts.js";
import {h, icon, menu, toast} from "./dom.js";
import {_} from "./words.js";

const page = location.pathname.replace(/^\/admin\//, "").replace(/\/$/, "");
let kept = null;

async function load() {
  kept = (await rest("user/views?limit=1000")).items.filter((each) => each.page === page);
}

// What is kept: what the link selects, and the columns that are shown.
function queryWith(grid) {
  const query = new URLSearchParams(location.search);
  query.delete("cursor");
  query.set("cols", grid.columns().filter((each) => each.visible).map((each) => each.field).join(","));
  return query.toString().replaceAll("%2C", ",").replaceAll("%2F", "/").replaceAll("%3A", ":");
}

function save(grid) {
  const name = h("input", {id: "view-name", maxlength: 80, autofocus: true, autocomplete: "off"});
  const shared = h("input", {type: "checkbox", id: "view-shared"});
  return ask({
    title: _("Keep this view"), button: _("Keep"), focusCancel: false,
    content: [h("div", {class: "fields"}, h("label", {for: "view-name"}, _("Name")), name),
      h("label", {}, shared, " ", _("Share it with everybody who may read its accounts"))],
    go: async () => {
      if (!name.value.trim()) return false;
      await rest("user/views", {method: "POST", body: {page, name: name.value.trim(), query: queryWith(grid), is_shared: shared.checked}});
      kept = null;
      toast(_("Kept as %(name)s.", {name: name.value.trim()}));
      return true;
    },
  });
}

async function forget(view) {
  await rest(`user/views/${view.id}`, {method: "DELETE"});
  kept = null;
  toast(_("%(name)s is forgotten.", {name: view.name}));
}

export function viewsButton(grid) {
  const button = h("button", {type: "button", class: "button small", id: "views"}, icon("save"), _("Views"));
  const fill = async (close) => {
    if (kept === null) await load().catch(() => (kept = []));
    return lines(close);
  };
  const lines = (close) => [
    ...kept.map((each) => h("div", {class: "view-line"},
      h("a", {href: `${location.pathname}${each.query ? `?${each.query}` : ""}`}, each.name, " ",
        each.is_shared ? h("small", {class: "quiet"}, each.user_name === facts.user.name ? _("shared") : each.user_name) : null),
      each.user_name === facts.user.name ? h("button", {type: "button", class: "icon-button", "aria-label": _("Forget %(name)s", {name: each.name}), onclick: () => {
        close();
        forget(each);
      }}, icon("close")) : null)),
    kept.length ? h("hr") : null,
    h("button", {type: "button", onclick: () => {
      close();
      save(grid);
    }}, _("Keep this view…")),
  ];
  menu(button, fill);
  return button;
}
