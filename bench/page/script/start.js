// What happens when the page is opened, and whenever the reader changes something.
const show = () => { remember(); reflect(); list(); return redraw(); };

const listen = (view) => {
  for (const figure of view.figures) axes(view, figure);
  if (!view.run) return;
  place(view, "filter").addEventListener("input", (event) => { state.filter = event.target.value; remember(); list(); });
  place(view, "wide").addEventListener("change", (event) => { state.wide = event.target.checked; remember(); list(); });
  place(view, "csv").addEventListener("click", () => {
    const address = URL.createObjectURL(new Blob([csv(view)], { type: "text/csv" }));
    download(`${view.title}.csv`, address);
    URL.revokeObjectURL(address);
  });
};

const open = () => { recall(); reflect(); list(); redraw(); };

recall();
legend();
controls();
tabs();
page.views.forEach(listen);
open();

dark.addEventListener("change", () => { reflect(); redraw(); });
addEventListener("hashchange", open);
let resizing = 0;
addEventListener("resize", () => { clearTimeout(resizing); resizing = setTimeout(() => { reflect(); redraw(); }, 200); });
// On paper charts have the width of the paper, their titles and their legends, and nothing is folded.
const print = (printing) => {
  state.printing = printing;
  document.querySelectorAll("details").forEach((part) => { part.dataset.open ??= part.open; part.open = printing || part.dataset.open === "true"; });
  redraw();
};
addEventListener("beforeprint", () => print(true));
addEventListener("afterprint", () => print(false));
// Links within the page must not take the place of what its address holds; a figure that is linked to is shown.
document.querySelectorAll("main a[href^='#']").forEach((link) => link.addEventListener("click", async (event) => {
  event.preventDefault();
  const target = document.getElementById(link.getAttribute("href").slice(1));
  const figure = state.view.figures.find((one) => place(state.view, one.name) === target);
  if (figure && !isShown(state.view, figure)) {
    state.chosen.set(`${figure.place}.y`, figure.name);
    await show();
  }
  if (target) target.scrollIntoView();
}));
