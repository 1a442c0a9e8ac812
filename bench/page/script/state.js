// The data of the page, and what the reader has chosen to see of them. Whatever the data say is text:
// it reaches the document by textContent and the figures as values, never as markup or as an expression.
const page = JSON.parse(document.getElementById("data").textContent);

const shown = (value) => (value === null || value === undefined ? "" : String(value));
const element = (name, attributes = {}, ...children) => {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
};
const download = (name, address) => element("a", { download: name, href: address }).click();
// What belongs to a view has the view's name before its own.
const place = (view, name) => document.getElementById(view.name + name);

// Rows of a table of columns, made when they are first asked for.
const made = new Map();
const rowsOf = (table) => {
  if (!made.has(table)) {
    const columns = Object.entries(table), lists = Object.values(table).filter(Array.isArray);
    made.set(table, (lists[0] ?? []).map((_, i) =>
      Object.fromEntries(columns.map(([name, values]) => [name, Array.isArray(values) ? values[i] : values]))));
  }
  return made.get(table);
};

// --- the address of the page holds what is shown -----------------------------------------------------
const state = { printing: false };
const recall = () => {
  const words = new URLSearchParams(location.hash.slice(1));
  const label = (text) => page.labels[Number(text)];
  const sort = words.get("sort") ?? "";
  Object.assign(state, {
    view: page.views[Number(words.get("view") ?? "0")] ?? page.views[0],
    hidden: new Set(words.getAll("hide").map(label).filter((x) => x !== undefined)),
    linear: new Set(words.getAll("linear")),
    control: label(words.get("control") ?? "0") ?? page.labels[0],
    chosen: new Map(words.getAll("show").map((text) => /^([^.]*\.[^.]*)\.(.*)$/s.exec(text)?.slice(1) ?? [text, ""])),
    down: sort.startsWith("-"),
    sort: sort.replace(/^-/, ""),
    filter: words.get("filter") ?? "",
    wide: words.has("wide"),
    unfolded: words.has("all"),
  });
};
const remember = () => {
  const words = new URLSearchParams();
  if (state.view !== page.views[0]) words.set("view", page.views.indexOf(state.view));
  for (const label of state.hidden) words.append("hide", page.labels.indexOf(label));
  for (const axis of state.linear) words.append("linear", axis);
  if (state.control !== page.labels[0]) words.set("control", page.labels.indexOf(state.control));
  for (const [column, value] of state.chosen) words.append("show", `${column}.${value}`);
  if (state.sort) words.set("sort", (state.down ? "-" : "") + state.sort);
  if (state.filter) words.set("filter", state.filter);
  if (state.wide) words.set("wide", "");
  if (state.unfolded) words.set("all", "");
  history.replaceState(null, "", "#" + words.toString());
};
