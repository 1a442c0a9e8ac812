// What happens when the page is opened, and whenever the reader changes something.
const show = () => { remember(); reflect(); list(); return redraw(); };

const listen = (view) => {
  for (const figure of view.figures) axes(view, figure);
  if (!view.run) return;
  place(view, "filter").addEventListener("input", (event) => { state.filter = event.target.value; remember(); list(); });
  place(view, "csv").addEventListener("click", () => download(view));
};

recall();
legend();
controls();
tabs();
page.views.forEach(listen);
reflect();
list();
redraw();

dark.addEventListener("change", () => { reflect(); redraw(); });
addEventListener("hashchange", () => { recall(); reflect(); list(); redraw(); });
let resizing = 0;
addEventListener("resize", () => { clearTimeout(resizing); resizing = setTimeout(redraw, 200); });
// Links within the page must not take the place of what its address holds.
document.querySelectorAll("main a[href^='#']").forEach((link) => link.addEventListener("click", (event) => {
  event.preventDefault();
  document.getElementById(link.getAttribute("href").slice(1)).scrollIntoView();
}));
