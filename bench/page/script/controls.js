// What the reader can switch: estimators, the control, axes, columns, views. Each control says what is chosen,
// whoever chose it: `reflections` are called whenever that may have changed.
const reflections = [];

const checkbox = (attributes, isOn, choose, ...words) => {
  const box = element("input", { type: "checkbox", ...attributes });
  box.addEventListener("change", () => { choose(box.checked); show(); });
  reflections.push(() => { box.checked = isOn(); });
  return element("label", {}, box, ...words);
};
// A box that is checked unless its value is in a set of the state.
const unless = (attributes, set, value, ...words) =>
  checkbox(attributes, () => !state[set].has(value), (on) => state[set][on ? "delete" : "add"](value), ...words);

const selection = (name, values, attributes, current, choose, word = shown) => {
  const select = element("select", attributes, ...values.map((value) => element("option", { value: shown(value) }, word(value))));
  select.addEventListener("change", () => { choose(values[select.selectedIndex]); show(); });
  reflections.push(() => { select.selectedIndex = values.indexOf(current()); });
  return element("label", {}, name, select);
};

const legend = () => document.getElementById("legend").append(...page.labels.map((label, i) => {
  const swatch = element("span", { class: `swatch ${page.shapes[i].startsWith("M") ? "star" : page.shapes[i]}` });
  reflections.push(() => { swatch.style.background = colors()[i]; });
  const box = unless({ "data-hides": i }, "hidden", label, swatch, element("span", { class: "name" }, label));
  box.title = label.slice(0, 200);
  return box;
}));

const controls = () => {
  const compared = new Set(page.views.flatMap((view) => view.figures).flatMap((figure) => options(figure, "control")));
  const every = page.labels.filter((label, i) => i === 0 || compared.has(label));
  const choose = (label) => { state.control = label; };
  document.getElementById("switches").append(selection("control", every, { id: "control" }, () => state.control, choose));
};

const axes = (view, figure) => {
  const row = place(view, `axes-${figure.name}`), every = together(view, figure).map((other) => other.name);
  if (every.length > 1) {
    const word = (name) => name.replace("_by_option", "").replaceAll("_", " ");
    const choose = (name) => state.chosen.set(`${figure.place}.y`, name);
    row.append(selection("y", every, { "data-y": figure.name }, () => figure.name, choose, word));
  }
  for (const column of figure.switched) {
    const name = switchOf(figure, column), choose = (value) => state.chosen.set(name, shown(value));
    const current = () => chosen(figure, column);
    row.append(selection(column.replaceAll("_", " "), options(figure, column), { "data-switch": name }, current, choose));
  }
  for (const channel of Object.keys(figure.logarithmic)) {
    const axis = `${figure.name}.${channel}`;
    row.append(unless({ "data-axis": axis }, "linear", axis, `logarithmic ${channel}`));
  }
  if (rowsOf(figure.rows).some((one) => one.folded)) {
    const choose = (checked) => { state.unfolded = checked; };
    row.append(checkbox({ "data-unfolds": figure.name }, () => state.unfolded, choose, "all estimators"));
  }
  row.append(element("span", { class: "save" }, ...["png", "svg"].map((kind) => {
    const button = element("button", { type: "button", "data-save": `${figure.name}.${kind}` }, kind.toUpperCase());
    button.addEventListener("click", () => save(view, figure, kind));
    return button;
  })));
  reflections.push(() => { place(view, figure.name).hidden = !isShown(view, figure); });
};

const tabs = () => page.views.forEach((view) => {
  const tab = element("button", { type: "button" }, view.title);
  tab.addEventListener("click", () => { state.view = view; show(); });
  document.getElementById("views")?.append(tab);
  reflections.push(() => {
    tab.setAttribute("aria-pressed", String(view === state.view));
    place(view, "view").hidden = view !== state.view;
  });
});

// The switches stand below what the view says, and links lead to what is below them.
const reflect = () => {
  const marker = place(state.view, "controls-place"), bar = document.getElementById("controls");
  if (marker.nextElementSibling !== bar) marker.after(bar);
  for (const each of reflections) each();
  const sticky = getComputedStyle(bar).position === "sticky";
  document.documentElement.style.scrollPaddingTop = `${sticky ? bar.offsetHeight + 8 : 0}px`;
};
