// What the reader can switch: estimators, the control, axes, columns, views.
const legend = () => {
  document.getElementById("legend").append(...page.labels.map((label, i) => {
    const box = element("input", { type: "checkbox", "data-hides": i });
    box.addEventListener("change", () => {
      if (box.checked) state.hidden.delete(label); else state.hidden.add(label);
      show();
    });
    const swatch = element("span", { class: `swatch ${page.shapes[i]}` });
    return element("label", { title: label.slice(0, 200) }, box, swatch, element("span", { class: "name" }, label));
  }));
};

const selection = (values, attributes, choose) => {
  const select = element("select", attributes, ...values.map((value) => element("option", {}, shown(value))));
  select.addEventListener("change", () => { choose(values[select.selectedIndex]); show(); });
  return select;
};

const controls = () => {
  const every = page.labels.filter((label) => page.views.some((view) => view.controls.includes(label)));
  const select = selection(every, { id: "control" }, (label) => { state.control = label; });
  document.getElementById("switches").append(element("label", {}, "control", select));
};

const axes = (view, figure) => {
  const row = place(view, `axes-${figure.name}`);
  for (const column of figure.switched.filter((column) => options(figure, column).length > 1)) {
    const name = switchOf(figure, column);
    const select = selection(options(figure, column), { "data-switch": name }, (value) => { state.chosen.set(name, shown(value)); });
    row.append(element("label", {}, column.replaceAll("_", " "), select));
  }
  for (const channel of Object.keys(figure.logarithmic)) {
    const axis = `${figure.name}.${channel}`;
    const box = element("input", { type: "checkbox", "data-axis": axis });
    box.addEventListener("change", () => {
      if (box.checked) state.linear.delete(axis); else state.linear.add(axis);
      show();
    });
    row.append(element("label", {}, box, `logarithmic ${channel}`));
  }
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
  for (const view of page.views) {
    place(view, "view").hidden = view !== state.view;
    for (const figure of view.figures) {
      place(view, `axes-${figure.name}`).querySelectorAll("select").forEach((select) => {
        const column = select.dataset.switch.split(".")[1];
        select.selectedIndex = options(figure, column).indexOf(chosen(figure, column));
      });
    }
    if (view.run) place(view, "filter").value = state.filter;
  }
  document.querySelectorAll("#views button").forEach((tab, i) => {
    tab.setAttribute("aria-pressed", String(page.views[i] === state.view));
  });
};
