// The table of all numbers of a run: sorted, filtered, downloaded.
const LONGEST = 500;
// What is known by its size alone where the timings of a cell spread.
const TIMED = new Set(["seconds", "work_normalized_variance"]);

const everyColumn = (view) => ["estimator", ...Object.keys(view.measurements).filter((name) => name !== "estimator")];
const brief = (value) => {
  if (typeof value !== "number" || Number.isInteger(value)) return shown(value).slice(0, 300);
  return Math.abs(value) < 1e-3 ? value.toExponential(2) : String(Number(value.toPrecision(3)));
};
const field = (view, row, name) => {
  const text = brief(row[name]);
  const rough = text && TIMED.has(name) && view.rough.includes(row.cell);
  return element("td", { title: shown(row[name]).slice(0, 300) }, rough ? `~${text}` : text);
};
const listed = (view) => {
  const names = everyColumn(view), words = state.filter.toLowerCase().split(/\s+/).filter(Boolean);
  const rows = rowsOf(view.measurements).filter((row) => {
    const text = words.length ? names.map((name) => shown(row[name])).join("\n").toLowerCase() : "";
    return !state.hidden.has(row.estimator) && words.every((word) => text.includes(word));
  });
  if (!names.includes(state.sort)) return rows;
  const sign = state.down ? -1 : 1;
  const order = (a, b) => (typeof a === "number" && typeof b === "number" ? a - b : shown(a) < shown(b) ? -1 : shown(a) > shown(b) ? 1 : 0);
  // What is missing comes last in either direction.
  const missing = (row) => row[state.sort] === null || row[state.sort] === undefined;
  return rows.slice().sort((a, b) => missing(a) - missing(b) || sign * order(a[state.sort], b[state.sort]));
};

const heading = (view, name, index) => {
  const isSorted = state.sort === name, order = state.down ? "descending" : "ascending";
  const end = name.match(/^(.*)_(low|high)$/), of = end ? `The ${end[2] === "low" ? "lower" : "upper"} end of the interval of ${end[1]}.` : "";
  const title = view.meanings[name] ?? of;
  const cell = element("th", { scope: "col", tabindex: "0", title, "aria-sort": isSorted ? order : "none" }, name);
  if (isSorted) cell.append(state.down ? " ↓" : " ↑");
  const sort = () => {
    state.down = isSorted && !state.down;
    state.sort = name;
    remember();
    list();
    place(view, "measurements").querySelectorAll("th")[index].focus();
  };
  cell.addEventListener("click", sort);
  cell.addEventListener("keydown", (event) => {
    if (event.key === "Enter" || event.key === " ") { event.preventDefault(); sort(); }
  });
  return cell;
};

const list = () => {
  const view = state.view;
  if (!view.measurements) return;
  const names = state.wide ? everyColumn(view) : view.columns, rows = listed(view);
  const body = rows.slice(0, LONGEST).map((row) => element("tr", {}, ...names.map((name) => field(view, row, name))));
  place(view, "measurements").replaceChildren(
    element("thead", {}, element("tr", {}, ...names.map((name, i) => heading(view, name, i)))), element("tbody", {}, ...body));
  const more = rows.length > LONGEST ? `, of which the first ${LONGEST} are shown` : "";
  place(view, "count").textContent = `${rows.length} rows${more}`;
};

const csv = (view) => {
  // A cell that begins like a formula would be one in a spreadsheet.
  const quoted = (value) => {
    const text = typeof value === "string" && /^[=+\-@\t\r]/.test(value) ? "'" + value : shown(value);
    return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  const names = Object.keys(view.measurements);
  return [names, ...listed(view).map((row) => names.map((name) => row[name]))].map((row) => row.map(quoted).join(",")).join("\r\n") + "\r\n";
};
