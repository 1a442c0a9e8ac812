"""The verb `new`: small working files to start from."""

from __future__ import annotations

import keyword
import re
from pathlib import Path
from string import Template

import click

from bench.commands.examples import examples
from bench.commands.terminal import explained

TEMPLATES = Path(__file__).with_name("templates")

_FILES = {
    "scenario": {"{name}.yaml": "scenario.yaml"},
    "estimator": {"{name}.py": "estimator.py.txt", "test_{name}.py": "test_estimator.py.txt"},
    "problem": {"{name}.py": "problem.py.txt", "{name}.yaml": "problem.yaml"},
}
"""Kind -> file to write -> its template."""

_NEXT = {
    "scenario": ["bench run {name}.yaml"],
    "estimator": [
        "bench certify {name}.py",
        "bench --plugin {name}.py run gaussian --set 'estimators=[reinforce, {name}]'",
        "python -m pytest test_{name}.py",
    ],
    "problem": ["bench --plugin {name}.py run {name}.yaml"],
}
"""Kind -> what to type next."""


@click.command(epilog=examples("bench new mine", "bench new mine --estimator", "bench new mine --problem"))
@click.argument("name")
@click.option("--scenario", "kind", flag_value="scenario", default=True, help="A scenario (the default).")
@click.option("--estimator", "kind", flag_value="estimator", help="An estimator, with its test.")
@click.option("--problem", "kind", flag_value="problem", help="A problem, with a scenario of it.")
def new(name: str, kind: str) -> None:
    """Write a small working file to start from into this folder.

    A scenario is NAME.yaml, an estimator NAME.py and test_NAME.py, a problem NAME.py and NAME.yaml.
    Nothing is overwritten.
    """
    from bench.errors import invalid
    from bench.scenario.reading import read_text

    with explained():
        module = re.fullmatch(r"[a-z][a-z0-9_]{0,60}", name) and not keyword.iskeyword(name)
        if kind != "scenario" and not module:
            raise invalid(f"{name!r}: wanted the name of a module: a small letter, then these, digits and _")
        words = {
            "name": name,
            "cls": "".join(part.capitalize() for part in name.split("_")),
            "file": f"{name}.yaml" if kind == "scenario" else f"{name}.py",
            "scenario": f"{name}.yaml",
        }
        texts = {
            Path(file.format(name=name)): Template((TEMPLATES / of).read_text("utf-8")).substitute(words)
            for file, of in _FILES[kind].items()
        }
        for path, text in texts.items():
            if str(path).endswith(".yaml"):
                read_text(text, str(path))  # which knows what a scenario may be called
        if taken := [path for path in texts if path.exists()]:
            raise invalid("\n".join(f"{path}: there is one already; nothing was written" for path in taken))
        for path, text in texts.items():
            try:
                path.write_text(text, "utf-8")
            except OSError as error:
                raise invalid(f"{path}: cannot be written: {error.strerror}") from error
            click.echo(path)
    click.echo("\n  ".join(["next:", *(line.format(name=name) for line in _NEXT[kind])]))
