// What happens when the page is opened, and whenever the reader changes something.
const renew = () => { reflect(); list(); return redraw(); };
const show = () => { remember(); return renew(); };

const listen = (view) => {
  for (const figure of view.figures) axes(view, figure);
  if (!view.measurements) return;
  const filter = place(view, "filter"), wide = place(view, "wide");
  const relist = (changed) => () => { changed(); remember(); list(); };
  filter.addEventListener("input", relist(() => { state.filter = filter.value; }));
  wide.addEventListener("change", relist(() => { state.wide = wide.checked; }));
  reflections.push(() => { filter.value = state.filter; wide.checked = state.wide; });
  place(view, "csv").addEventListener("click", () => {
    const address = URL.createObjectURL(new Blob([csv(view)], { type: "text/csv" }));
    download(`${view.title}.csv`, address);
    URL.revokeObjectURL(address);
  });
};

recall();
legend();
controls();
tabs();
page.views.forEach(listen);
renew();

dark.addEventListener("change", renew);
addEventListener("hashchange", () => { recall(); renew(); });
let resizing = 0;
addEventListener("resize", () => { clearTimeout(resizing); resizing = setTimeout(renew, 200); });
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
