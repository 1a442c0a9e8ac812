"""Settings of the site, as Sphinx wants them; `make docs` builds it."""

from __future__ import annotations

import gc
import sys
from pathlib import Path
from typing import Any

from docutils import nodes

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from docs.pages import writing  # noqa: E402
from docs.pages.run_pages import RunPages  # noqa: E402
from docs.pages.small_pictures import shrink  # noqa: E402

project = "gradient-estimator-bench"
author = "the authors of gradient-estimator-bench"
extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx_click",
    "sphinxcontrib.katex",
]
exclude_patterns = ["_build", "jupyter_execute", "pages", "examples"]
myst_enable_extensions = ["attrs_block", "colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 4
smartquotes = False  # `--strict` is an option, and no dash
nb_execution_mode = "off"  # notebooks are shown as they were executed; a test executes them again
templates_path: list[str] = []

# The style sheet and the fonts of the version whose scripts the extension brings: nothing is fetched.
katex_css_path = "katex/katex.min.css"

html_theme = "furo"
html_title = project
html_static_path = ["static"]
html_css_files = ["site.css"]
html_show_copyright = html_show_sphinx = False
html_copy_source = False

autodoc_member_order = "bysource"
autodoc_typehints = "none"
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_ivar = True
napoleon_use_rtype = False
add_module_names = False
toc_object_entries = False  # each page would carry the names of all functions, and drop them again


def dashes(_: Any, tree: nodes.document, __: str) -> None:
    """Give the lists of arguments dashes, which Sphinx writes as two hyphens."""
    for text in list(tree.findall(nodes.Text)):
        if text == " -- ":
            text.parent.replace(text, nodes.Text(" – "))


def setup(app: Any) -> None:
    """Have pages written before Sphinx looks for them, and those of runs beside what it built."""
    runs: list[RunPages] = []

    gc.freeze()  # what was imported stays; to look for garbage in it takes a tenth of the time

    def begin(app: Any) -> None:
        runs.append(RunPages())
        writing.write(Path(app.srcdir))

    def finish(app: Any, error: Exception | None) -> None:
        for each in runs:
            if error is None:
                each.write(Path(app.outdir))
                shrink(Path(app.outdir))
            each.close()

    app.connect("builder-inited", begin)
    app.connect("doctree-resolved", dashes)
    app.connect("build-finished", finish)
