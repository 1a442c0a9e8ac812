// The figures: which rows they draw, in which colors, on which axes.
const dark = matchMedia("(prefers-color-scheme: dark)");
const colors = () => page.colors.map((color) => (dark.matches && color === "#000000" ? "#e8e8e8" : color));

const config = () => {
  const ink = dark.matches ? "#e8e8e8" : "#1b1b1b", faint = dark.matches ? "#3a3c40" : "#e3e3e3";
  const text = { labelColor: ink, titleColor: ink, labelFontSize: 12, titleFontSize: 13, titleFontWeight: "normal" };
  return {
    background: null, legend: { ...text, disable: true }, font: 'system-ui, "DejaVu Sans", sans-serif', view: { stroke: faint },
    axis: { ...text, gridColor: faint, domainColor: ink, tickColor: ink, labelLimit: innerWidth < 600 ? 110 : 180 },
    header: text, title: { color: ink, fontSize: 13, fontWeight: "normal" },
    style: { ink: { color: ink }, words: { color: ink } },
  };
};

// Every figure gives an estimator the same color, shape and dashes.
const colored = (spec) => {
  const ranges = { color: colors(), shape: page.shapes, strokeDash: page.dashes };
  return JSON.parse(JSON.stringify(spec), (key, value) =>
    (key in ranges && value && value.field === "estimator" ? { ...value, scale: { domain: page.labels, range: ranges[key] } } : value));
};
const scaled = (spec, figure) => JSON.parse(JSON.stringify(spec), (key, value) => {
  if (key in figure.logarithmic && value && value.type === "quantitative") {
    if (!state.linear.has(`${figure.name}.${key}`)) return value;
    const axis = { labelOverlap: "greedy", format: "~g" };  // powers of ten are no labels for it
    return { ...value, scale: { ...value.scale, type: "linear" }, axis };
  }
  return value;
});

// One choice of a problem holds for all figures; other choices for one.
const switchOf = (figure, column) => (column === "problem" ? "every.problem" : `${figure.name}.${column}`);
const options = (figure, column) => [...new Set(once(figure.rows).map((row) => row[column]))];
const chosen = (figure, column) => {
  const every = options(figure, column);
  const wanted = state.chosen.get(switchOf(figure, column));
  return every.find((value) => shown(value) === wanted) ?? every[0];
};
const kept = (figure) => {
  const values = figure.switched.map((column) => [column, chosen(figure, column)]);
  return once(figure.rows).filter((row) =>
    !state.hidden.has(row.estimator) &&
    (!("control" in row) || row.control === state.control) &&
    values.every(([column, value]) => row[column] === value) &&
    Object.entries(figure.logarithmic).every(([channel, name]) =>
      state.linear.has(`${figure.name}.${channel}`) || row[name] > 0));
};

// More points than can be told apart are thinned out, by whole sample sizes if there are enough of them, and that is said.
const MOST = 3000, MOST_FACETS = 12;
const isFaceted = (spec) => spec.facet || (spec.encoding && (spec.encoding.column || spec.encoding.row));
const thinned = (view, rows, figure) => {
  const notice = place(view, `notice-${figure.name}`);
  notice.dataset.first ??= notice.textContent;
  const sizes = [...new Set(rows.map((row) => row.sample_size))].sort((a, b) => a - b);
  const step = Math.max(Math.ceil(rows.length / MOST), isFaceted(figure.spec) ? Math.ceil(sizes.length / MOST_FACETS) : 1);
  notice.textContent = notice.dataset.first;
  if (step <= 1) return rows;
  if (sizes.length < 2 * step) {
    notice.textContent = `one in ${step} of ${rows.length} points is drawn`;
    return rows.filter((_, i) => i % step === 0);
  }
  notice.textContent = `one in ${step} of ${sizes.length} sample sizes is drawn`;
  const some = new Set(sizes.filter((_, i) => i % step === 0));
  return rows.filter((row) => some.has(row.sample_size));
};

const draw = async (view, figure) => {
  const chart = place(view, `chart-${figure.name}`);
  const rows = thinned(view, kept(figure), figure);
  chart.dataset.rows = String(rows.length);
  if (!rows.length) {
    chart.replaceChildren(element("p", { class: "caption" }, "There is nothing to draw."));
    return;
  }
  const spec = scaled(colored(figure.spec), figure);
  const width = Math.max(220, Math.min(860, chart.parentElement.clientWidth - 110));
  if (spec.spec && spec.spec.width) spec.spec.width = Math.max(160, Math.min(560, width - 100));
  const size = isFaceted(spec) ? {} : { width, ...(typeof spec.height === "number" ? { height: 320 } : {}) };
  const whole = {
    $schema: "https://vega.github.io/schema/vega-lite/v6.json",
    datasets: { rows }, ...spec, ...size,
  };
  await vegaEmbed(chart, whole, {
    mode: "vega-lite", renderer: "svg", ast: true, config: config(),
    loader: { load: () => Promise.reject(new Error("no network")) },
    actions: { export: true, source: false, compiled: false, editor: false }, downloadFileName: figure.name,
  });
};

let drawing = Promise.resolve();
const redraw = () => {
  document.documentElement.dataset.drawn = "no";
  drawing = drawing.then(async () => {
    for (const figure of state.view.figures) await draw(state.view, figure);
    document.documentElement.dataset.drawn = "yes";
  });
  return drawing;
};
