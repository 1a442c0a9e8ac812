"""The reference of the Python interface: each public name with its docstring."""

from __future__ import annotations

import inspect

import bench
from docs.pages.markdown import contents, table

WITH_MEMBERS = ("Run", "Estimator", "Problem", "ModuleProblem", "GradientMonitor", "PolicyCertificate")
"""Classes whose members are a part of what is public."""


def pages() -> dict[str, str]:
    """Return a page for each public name, and one that lists them."""
    found = {f"api/{name}.md": _page(name) for name in bench.__all__}
    rows = [[f"[`bench.{name}`]({name}.md)", _first(name)] for name in bench.__all__]
    index = [
        "# Python API",
        "What `import bench` offers. All else is free to change.",
        table(["name", ""], rows),
        contents(bench.__all__, hidden="", maxdepth="1"),
    ]
    return {"api/index.md": "\n\n".join(index) + "\n", **found}


def _first(name: str) -> str:
    said = inspect.getdoc(getattr(bench, name)) or ""
    return " ".join(said.partition("\n\n")[0].split()).replace("|", r"\|")


def _page(name: str) -> str:
    found = getattr(bench, name)
    kind = (
        "autoclass" if inspect.isclass(found) else "autofunction" if inspect.isfunction(found) else "autodata"
    )
    lines = [f"# {name}", "", "```{eval-rst}", f".. {kind}:: {_place(name)}"]
    if name in WITH_MEMBERS:
        lines.append("   :members:")
    if kind == "autodata":  # an object that is called, whose methods are those of its class
        cls = f"{type(found).__module__}.{type(found).__name__}"
        lines += ["   :no-value:", "", f".. autoclass:: {cls}", "   :members: __call__, variance, bias"]
    return "\n".join([*lines, "```", ""])


def _place(name: str) -> str:
    """Return where a name is defined; what is neither a class nor a function is known by its public name."""
    home = inspect.getmodule(getattr(bench, name))
    is_object = not inspect.isclass(getattr(bench, name)) and not inspect.isfunction(getattr(bench, name))
    return f"bench.{name}" if is_object or home is None else f"{home.__name__}.{name}"
