// Draws the figures and the table of a report from the data in the page. Whatever the data say is text:
// it reaches the document by textContent and the figures as values, never as markup or as an expression.
"use strict";
(() => {
  const page = JSON.parse(document.getElementById("data").textContent);
  const rowsOf = (table) => {
    const names = Object.keys(table);
    const length = names.length ? table[names[0]].length : 0;
    return Array.from({ length }, (_, i) => Object.fromEntries(names.map((name) => [name, table[name][i]])));
  };
  const tables = Object.fromEntries(Object.entries(page.tables).map(([name, table]) => [name, rowsOf(table)]));
  const state = { hidden: new Set(), linear: new Set(), chosen: new Map(), control: page.labels[0], sort: "", down: false, filter: "" };
  const shown = (value) => (value === null || value === undefined ? "" : String(value));
  const element = (name, attributes = {}, ...children) => {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    made.append(...children);
    return made;
  };

  // --- the address of the page holds what is shown ---------------------------------------------------
  const remember = () => {
    const words = new URLSearchParams();
    for (const label of state.hidden) words.append("hide", page.labels.indexOf(label));
    for (const axis of state.linear) words.append("linear", axis);
    if (state.control !== page.labels[0]) words.set("control", page.labels.indexOf(state.control));
    for (const [figure, value] of state.chosen) words.append("show", `${figure}.${value}`);
    if (state.sort) words.set("sort", (state.down ? "-" : "") + state.sort);
    if (state.filter) words.set("filter", state.filter);
    history.replaceState(null, "", "#" + words.toString());
  };
  const recall = () => {
    const words = new URLSearchParams(location.hash.slice(1));
    const label = (text) => page.labels[Number(text)];
    state.hidden = new Set(words.getAll("hide").map(label).filter((x) => x !== undefined));
    state.linear = new Set(words.getAll("linear"));
    state.control = label(words.get("control") ?? "0") ?? page.labels[0];
    state.chosen = new Map(words.getAll("show").map((text) => [text.split(".")[0], text.slice(text.indexOf(".") + 1)]));
    const sort = words.get("sort") ?? "";
    state.down = sort.startsWith("-");
    state.sort = sort.replace(/^-/, "");
    state.filter = words.get("filter") ?? "";
  };

  // --- figures ---------------------------------------------------------------------------------------
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const config = () => {
    const ink = dark.matches ? "#e8e8e8" : "#1b1b1b", faint = dark.matches ? "#3a3c40" : "#e3e3e3";
    const text = { labelColor: ink, titleColor: ink, labelFontSize: 12, titleFontSize: 13, titleFontWeight: "normal" };
    return {
      background: null, font: 'system-ui, "DejaVu Sans", sans-serif', view: { stroke: faint },
      axis: { ...text, gridColor: faint, domainColor: ink, tickColor: ink }, legend: text, header: text,
    };
  };
  const colored = (spec) => JSON.parse(JSON.stringify(spec), (key, value) => {
    if ((key === "color" || key === "shape") && value && value.field === "estimator") {
      const range = key === "color" ? page.colors : page.shapes;
      return { ...value, scale: { domain: page.labels, range } };
    }
    return value;
  });
  const scaled = (spec, channels, figure) => JSON.parse(JSON.stringify(spec), (key, value) => {
    if (channels.includes(key) && value && value.type === "quantitative") {
      const type = state.linear.has(`${figure}.${key}`) ? "linear" : "log";
      return { ...value, scale: { ...value.scale, type } };
    }
    return value;
  });
  const options = (figure) => [...new Set(tables[figure.table].map((row) => row[figure.switched]))];
  const kept = (figure) => tables[figure.table].filter((row) =>
    !state.hidden.has(row.estimator) &&
    Object.entries(figure.where).every(([name, value]) => row[name] === value) &&
    (figure.table !== "ratios" || row.control === state.control) &&
    (!figure.switched || row[figure.switched] === (state.chosen.get(figure.name) ?? options(figure)[0])) &&
    figure.positive.every((name) => row[name] > 0) &&
    figure.needs.every((name) => typeof row[name] === "number") &&
    figure.logarithmic.every((channel) => state.linear.has(`${figure.name}.${channel}`) ||
      figure.fields[channel].every((name) => !(row[name] <= 0))));
  // More points than can be told apart are thinned out, by whole sample sizes, and that is said.
  const MOST = 3000, MOST_FACETS = 12;
  const thinned = (rows, figure) => {
    const notice = document.getElementById(`notice-${figure.name}`);
    notice.dataset.first ??= notice.textContent;
    const sizes = [...new Set(rows.map((row) => row.sample_size))].sort((a, b) => a - b);
    const faceted = figure.spec.facet || (figure.spec.encoding && figure.spec.encoding.column);
    const step = Math.max(Math.ceil(rows.length / MOST), faceted ? Math.ceil(sizes.length / MOST_FACETS) : 1);
    notice.textContent = step > 1 ? `of ${sizes.length} sample sizes every ${step}th is drawn` : notice.dataset.first;
    if (step <= 1) return rows;
    const some = new Set(sizes.filter((_, i) => i % step === 0));
    return rows.filter((row) => some.has(row.sample_size));
  };
  const draw = async (figure) => {
    const place = document.getElementById(`chart-${figure.name}`);
    const rows = thinned(kept(figure), figure);
    if (!rows.length) {
      place.replaceChildren(element("p", { class: "caption" }, "There is nothing to draw."));
      place.dataset.rows = "0";
      return;
    }
    const width = Math.max(220, Math.min(720, place.parentElement.clientWidth - 110));
    const spec = scaled(colored(figure.spec), figure.logarithmic, figure.name);
    const visible = (row) => !state.hidden.has(row.estimator);
    const datasets = { rows, ...Object.fromEntries(Object.entries(figure.extra).map(([name, table]) => [name, tables[table].filter(visible)])) };
    const inner = Math.max(160, Math.min(460, width - 160));
    if (spec.spec && spec.spec.width) spec.spec.width = inner;
    const sized = spec.facet || (spec.encoding && spec.encoding.column) ? {} : { width, height: 300 };
    const whole = { $schema: "https://vega.github.io/schema/vega-lite/v6.json", ...sized, data: { name: "rows" }, datasets, ...spec };
    const embedded = await vegaEmbed(place, whole, {
      mode: "vega-lite", renderer: "svg", ast: true, config: config(), loader: { load: () => Promise.reject(new Error("no network")) },
      actions: { export: true, source: false, compiled: false, editor: false }, downloadFileName: figure.name,
    });
    place.dataset.rows = String(rows.length);
    return embedded;
  };
  let drawing = Promise.resolve();
  const redraw = () => {
    document.documentElement.dataset.drawn = "no";
    drawing = drawing.then(async () => {
      for (const figure of page.figures) await draw(figure);
      document.documentElement.dataset.drawn = "yes";
    });
    return drawing;
  };

  // --- what may be switched --------------------------------------------------------------------------
  const legend = () => {
    const place = document.getElementById("legend");
    page.labels.forEach((label, i) => {
      const box = element("input", { type: "checkbox" });
      box.checked = !state.hidden.has(label);
      box.addEventListener("change", () => {
        if (box.checked) state.hidden.delete(label); else state.hidden.add(label);
        remember(); redraw(); list();
      });
      const swatch = element("span", { class: "swatch" });
      swatch.style.background = page.colors[i];
      place.append(element("label", { title: label.slice(0, 200) }, box, swatch, element("span", { class: "name" }, label)));
    });
  };
  const switches = () => {
    const choice = element("select");
    for (const label of page.controls) choice.append(element("option", {}, label));
    choice.selectedIndex = Math.max(0, page.controls.indexOf(state.control));
    choice.id = "control";
    choice.addEventListener("change", () => { state.control = page.controls[choice.selectedIndex]; remember(); redraw(); });
    document.getElementById("switches").append(element("label", {}, "control", choice));
    for (const figure of page.figures) {
      const place = document.querySelector(`.axes[data-figure="${figure.name}"]`);
      if (figure.switched) {
        const choice = element("select", { "data-switch": figure.name });
        for (const value of options(figure)) choice.append(element("option", {}, shown(value)));
        choice.selectedIndex = Math.max(0, options(figure).indexOf(state.chosen.get(figure.name)));
        choice.addEventListener("change", () => { state.chosen.set(figure.name, options(figure)[choice.selectedIndex]); remember(); redraw(); });
        place.append(element("label", {}, figure.switched, choice));
      }
      for (const channel of figure.logarithmic) {
        const box = element("input", { type: "checkbox", "data-axis": `${figure.name}.${channel}` });
        box.checked = !state.linear.has(`${figure.name}.${channel}`);
        box.addEventListener("change", () => {
          const axis = `${figure.name}.${channel}`;
          if (box.checked) state.linear.delete(axis); else state.linear.add(axis);
          remember(); redraw();
        });
        place.append(element("label", {}, box, `logarithmic ${channel}`));
      }
    }
  };

  // --- the table of all numbers ----------------------------------------------------------------------
  const LONGEST = 500;
  const names = Object.keys(page.tables.measurements);
  const chosen = () => {
    const words = state.filter.toLowerCase();
    const rows = tables.measurements.filter((row) =>
      !state.hidden.has(row.estimator) && (!words || names.some((name) => shown(row[name]).toLowerCase().includes(words))));
    if (!names.includes(state.sort)) return rows;
    const sign = state.down ? -1 : 1;
    const order = (a, b) => (typeof a === "number" && typeof b === "number" ? a - b : shown(a) < shown(b) ? -1 : shown(a) > shown(b) ? 1 : 0);
    // What is missing comes last in either direction.
    const missing = (row) => row[state.sort] === null || row[state.sort] === undefined;
    return rows.slice().sort((a, b) => missing(a) - missing(b) || sign * order(a[state.sort], b[state.sort]));
  };
  const list = () => {
    const table = document.getElementById("measurements");
    const rows = chosen();
    const head = element("tr");
    for (const name of names) {
      const arrow = state.sort === name ? (state.down ? " ↓" : " ↑") : "";
      const cell = element("th", { scope: "col", tabindex: "0", "aria-sort": arrow ? (state.down ? "descending" : "ascending") : "none" }, name + arrow);
      const sort = () => { state.down = state.sort === name && !state.down; state.sort = name; remember(); list(); table.querySelectorAll("th")[names.indexOf(name)].focus(); };
      cell.addEventListener("click", sort);
      cell.addEventListener("keydown", (event) => { if (event.key === "Enter" || event.key === " ") { event.preventDefault(); sort(); } });
      head.append(cell);
    }
    const body = element("tbody");
    for (const row of rows.slice(0, LONGEST)) {
      body.append(element("tr", {}, ...names.map((name) => element("td", {}, shown(row[name]).slice(0, 300)))));
    }
    table.replaceChildren(element("thead", {}, head), body);
    const more = rows.length > LONGEST ? `, of which the first ${LONGEST} are shown` : "";
    document.getElementById("count").textContent = `${rows.length} rows${more}`;
  };
  const csv = () => {
    // A cell that begins like a formula would be one in a spreadsheet.
    const quoted = (value) => {
      const text = typeof value === "string" && /^[=+\-@\t\r]/.test(value) ? "'" + value : shown(value);
      return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
    };
    return [names, ...chosen().map((row) => names.map((name) => row[name]))].map((row) => row.map(quoted).join(",")).join("\r\n") + "\r\n";
  };
  const table = () => {
    const filter = document.getElementById("filter");
    filter.value = state.filter;
    filter.addEventListener("input", () => { state.filter = filter.value; remember(); list(); });
    document.getElementById("csv").addEventListener("click", () => {
      const link = element("a", { download: `${page.name}.csv`, href: URL.createObjectURL(new Blob([csv()], { type: "text/csv" })) });
      link.click();
      URL.revokeObjectURL(link.href);
    });
  };

  recall(); legend(); switches(); table(); list();
  redraw();
  dark.addEventListener("change", redraw);
  let resizing = 0;
  addEventListener("resize", () => { clearTimeout(resizing); resizing = setTimeout(redraw, 200); });
  window.report = { csv, state };
})();
