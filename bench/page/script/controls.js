// What the reader can switch: estimators, the control, axes, columns, views.
const checkbox = (attributes, listen, ...words) => {
  const box = element("input", { type: "checkbox", ...attributes });
  box.addEventListener("change", () => { listen(box.checked); show(); });
  return element("label", {}, box, ...words);
};

const legend = () => {
  document.getElementById("legend").append(...page.labels.map((label, i) => {
    const listen = (checked) => { if (checked) state.hidden.delete(label); else state.hidden.add(label); };
    const made = checkbox({ "data-hides": i }, listen, element("span", { class: `swatch ${page.shapes[i]}` }), element("span", { class: "name" }, label));
    made.title = label.slice(0, 200);
    return made;
  }));
};

const selection = (name, values, words, attributes, choose) => {
  const select = element("select", attributes, ...words.map((word, i) => element("option", { value: shown(values[i]) }, word)));
  select.addEventListener("change", () => { choose(values[select.selectedIndex]); show(); });
  return element("label", {}, name, select);
};

const controls = () => {
  const every = page.labels.filter((label) => page.views.some((view) => view.controls.includes(label)));
  document.getElementById("switches").append(selection("control", every, every, { id: "control" }, (label) => { state.control = label; }));
};

const axes = (view, figure) => {
  const row = place(view, `axes-${figure.name}`), every = together(view, figure);
  if (every.length > 1) {
    const names = every.map((other) => other.name), words = every.map((other) => (other.metric || other.name).replaceAll("_", " "));
    row.append(selection("y", names, words, { "data-y": figure.name }, (name) => { state.chosen.set(`${figure.place}.y`, name); }));
  }
  for (const column of figure.switched) {
    const name = switchOf(figure, column), values = options(figure, column);
    row.append(selection(column.replaceAll("_", " "), values, values.map(shown), { "data-switch": name }, (value) => { state.chosen.set(name, shown(value)); }));
  }
  for (const channel of Object.keys(figure.logarithmic)) {
    const axis = `${figure.name}.${channel}`;
    row.append(checkbox({ "data-axis": axis }, (checked) => { if (checked) state.linear.delete(axis); else state.linear.add(axis); }, `logarithmic ${channel}`));
  }
  if (once(figure.rows).some((one) => one.folded)) {
    row.append(checkbox({ "data-unfolds": figure.name }, (checked) => { state.unfolded = checked; }, "all estimators"));
  }
  const saved = ["png", "svg"].map((kind) => {
    const button = element("button", { type: "button", "data-save": `${figure.name}.${kind}` }, kind.toUpperCase());
    button.addEventListener("click", () => save(view, figure, kind));
    return button;
  });
  row.append(element("span", { class: "save" }, ...saved));
};

const tabs = () => {
  const bar = document.getElementById("views");
  if (!bar) return;
  for (const view of page.views) {
    const tab = element("button", { type: "button" }, view.title);
    tab.addEventListener("click", () => { state.view = view; show(); });
    bar.append(tab);
  }
};

// The switches say what is chosen, whoever chose it, and stand below what the view says.
const reflect = () => {
  const marker = place(state.view, "controls-place"), bar = document.getElementById("controls");
  if (marker.nextElementSibling !== bar) marker.after(bar);
  document.querySelectorAll("[data-hides]").forEach((box) => {
    box.checked = !state.hidden.has(page.labels[Number(box.dataset.hides)]);
    box.parentElement.querySelector(".swatch").style.background = colors()[Number(box.dataset.hides)];
  });
  const control = document.getElementById("control");
  control.selectedIndex = [...control.options].findIndex((option) => option.text === state.control);
  document.querySelectorAll("[data-axis]").forEach((box) => { box.checked = !state.linear.has(box.dataset.axis); });
  document.querySelectorAll("[data-unfolds]").forEach((box) => { box.checked = state.unfolded; });
  for (const view of page.views) {
    place(view, "view").hidden = view !== state.view;
    for (const figure of view.figures) {
      place(view, figure.name).hidden = !isShown(view, figure);
      place(view, `axes-${figure.name}`).querySelectorAll("select").forEach((select) => {
        const column = (select.dataset.switch ?? "").split(".")[1];
        select.selectedIndex = column ? options(figure, column).indexOf(chosen(figure, column)) : together(view, figure).indexOf(figure);
      });
    }
    if (view.run) { place(view, "filter").value = state.filter; place(view, "wide").checked = state.wide; }
  }
  document.querySelectorAll("#views button").forEach((tab, i) => {
    tab.setAttribute("aria-pressed", String(page.views[i] === state.view));
  });
  const sticky = getComputedStyle(bar).position === "sticky";
  document.documentElement.style.scrollPaddingTop = `${sticky ? bar.offsetHeight + 8 : 0}px`;
};
