// The figures: which rows they draw, in which colors, on which axes.
const dark = matchMedia("(prefers-color-scheme: dark)");
const isDark = () => dark.matches && !state.printing;
const colors = () => page.colors.map((color) => (isDark() && color === "#000000" ? "#e8e8e8" : color));

// A chart that leaves the page takes its legend with it; on the page there is one for all.
const config = (alone) => {
  const ink = isDark() && !alone ? "#e8e8e8" : "#1b1b1b", faint = isDark() && !alone ? "#3a3c40" : "#e3e3e3";
  const text = { labelColor: ink, titleColor: ink, labelFontSize: 12, titleFontSize: 13, titleFontWeight: "normal" };
  const legend = alone ? { ...text, orient: "bottom", direction: "vertical", columns: 2, labelLimit: 280, symbolOpacity: 1 } : { disable: true };
  return {
    background: alone ? "white" : null, legend, font: 'system-ui, "DejaVu Sans", sans-serif', view: { stroke: faint },
    axis: { ...text, gridColor: faint, domainColor: ink, tickColor: ink, labelLimit: innerWidth < 600 ? 110 : 180 },
    header: text, title: { color: ink, subtitleColor: ink, fontSize: 13, fontWeight: "normal" },
    style: { ink: { color: ink }, words: { color: ink } },
  };
};

// Every figure gives an estimator the same color, shape and dashes, and axes as they are switched.
const colored = (figure, rows) => {
  const present = new Set(rows.map((row) => row.estimator)), ofThose = (_, i) => present.has(page.labels[i]);
  const ranges = { color: colors(), shape: page.shapes, strokeDash: page.dashes };
  return JSON.parse(JSON.stringify(figure.spec), (key, value) => {
    if (key in ranges && value && value.field === "estimator") {
      // Channels of one domain have one legend: dashes have one more label, so as to be none of it.
      const [apart, more] = key === "strokeDash" ? [{ legend: null }, [""]] : [{}, []];
      const domain = [...page.labels.filter(ofThose), ...more];
      return { ...value, ...apart, scale: { domain, range: ranges[key].filter(ofThose) } };
    }
    const switched = key in figure.logarithmic && state.linear.has(`${figure.name}.${key}`);
    if (!switched || !value || value.type !== "quantitative") return value;
    const axis = { labelOverlap: "greedy", format: "~g" };  // powers of ten are no labels for it
    return { ...value, scale: { ...value.scale, type: "linear" }, axis };
  });
};

// One choice of a problem holds for all figures; other choices for one. Of figures in one place one is shown.
const switchOf = (figure, column) => (column === "problem" ? "every.problem" : `${figure.name}.${column}`);
const options = (figure, column) => [...new Set(rowsOf(figure.rows).map((row) => row[column]))];
const chosen = (figure, column) => {
  const every = options(figure, column), wanted = state.chosen.get(switchOf(figure, column));
  return every.find((value) => shown(value) === wanted) ?? every[0];
};
const together = (view, figure) => (figure.place ? view.figures.filter((other) => other.place === figure.place) : [figure]);
const isShown = (view, figure) => {
  const every = together(view, figure), wanted = [state.chosen.get(`${figure.place}.y`), view.headline, `${view.headline}_by_option`];
  return figure === (wanted.map((name) => every.find((other) => other.name === name)).find(Boolean) ?? every[0]);
};

// More points than can be told apart are thinned out, by whole sample sizes if there are enough of them, and that is said.
const MOST = 3000, MOST_FACETS = 12;
const isDivided = (spec) => spec.facet || spec.hconcat || (spec.encoding && (spec.encoding.column || spec.encoding.row));
const seen = (view, figure) => {
  const values = figure.switched.map((column) => [column, chosen(figure, column)]);
  const rows = rowsOf(figure.rows).filter((row) =>
    !state.hidden.has(row.estimator) &&
    (!row.folded || state.unfolded) &&
    (!("control" in row) || row.control === state.control) &&
    values.every(([column, value]) => row[column] === value) &&
    Object.entries(figure.logarithmic).every(([channel, name]) => state.linear.has(`${figure.name}.${channel}`) || row[name] > 0));
  const sizes = [...new Set(rows.map((row) => row.sample_size))].sort((a, b) => a - b);
  const step = Math.max(Math.ceil(rows.length / MOST), isDivided(figure.spec) ? Math.ceil(sizes.length / MOST_FACETS) : 1);
  const bySize = sizes.length >= 2 * step, every = bySize ? sizes : rows, some = new Set(every.filter((_, i) => i % step === 0));
  const notice = place(view, `notice-${figure.name}`), thinned = `one in ${step} of ${every.length} ${bySize ? "sample sizes" : "points"} is drawn`;
  notice.textContent = step > 1 ? thinned : figure.notice;
  return step > 1 ? rows.filter((row) => some.has(bySize ? row.sample_size : row)) : rows;
};

// A chart in as many pixels as there are, beside one another as many parts as fit.
const sized = (spec, width) => {
  if (spec.hconcat) {
    const gap = 14, each = Math.floor((width - 30) / spec.hconcat.length) - gap;
    return { ...spec, spacing: each + gap, hconcat: spec.hconcat.map((part) => ({ ...part, spec: { ...part.spec, width: each } })) };
  }
  if (spec.facet && typeof spec.spec.width === "number") {
    const columns = Math.max(1, Math.min(spec.columns ?? 1, Math.floor(width / 250)));
    const each = Math.max(140, Math.min(560, Math.floor((width - 40) / columns) - (columns > 1 ? 70 : 170)));
    return { ...spec, ...(spec.columns ? { columns } : {}), spec: { ...spec.spec, width: each, ...(columns > 1 ? { height: 180 } : {}) } };
  }
  return isDivided(spec) ? spec : { ...spec, width: width - 110, ...(typeof spec.height === "number" ? { height: 320 } : {}) };
};

// A chart in an element of its own: alone, it has the width of a page of A4 between its margins, title and legend.
const PAPER = 640;
const chartOf = async (view, figure, rows, alone, room) => {
  const box = element("div"), spec = sized(colored(figure, rows), alone ? PAPER : Math.max(330, Math.min(970, room)));
  const choices = figure.switched.map((column) => chosen(figure, column)).filter((value) => value !== "");
  const title = { text: figure.title, subtitle: [[view.title, ...choices].join(" · ").slice(0, 110)], anchor: "start", offset: 12 };
  const whole = { $schema: "https://vega.github.io/schema/vega-lite/v6.json", datasets: { rows } };
  const { view: drawn } = await vegaEmbed(box, { ...whole, ...(alone ? { title, vconcat: [spec] } : spec) }, {
    mode: "vega-lite", renderer: "svg", ast: true, config: config(alone), actions: false,
    loader: { load: () => Promise.reject(new Error("no network")) },
  });
  return { box, drawn };
};

const draw = async (view, figure) => {
  const chart = place(view, `chart-${figure.name}`), rows = seen(view, figure);
  chart.dataset.rows = String(rows.length);
  if (rows.length) chart.replaceChildren((await chartOf(view, figure, rows, state.printing, chart.parentElement.clientWidth)).box);
  else chart.replaceChildren(element("p", { class: "caption" }, "There is nothing to draw."));
};

const save = async (view, figure, kind) => {
  const { drawn } = await chartOf(view, figure, seen(view, figure), true);
  download(`${figure.name}.${kind}`, await drawn.toImageURL(kind, 2));
};

let drawing = Promise.resolve();
const redraw = () => {
  document.documentElement.dataset.drawn = "no";
  drawing = drawing.then(async () => {
    const view = state.view;
    for (const figure of view.figures) if (isShown(view, figure)) await draw(view, figure);
    document.documentElement.dataset.drawn = "yes";
  });
  return drawing;
};
