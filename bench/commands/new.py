"""The verb `new`: small working files to start from."""

from __future__ import annotations

import json
import keyword
import re
from collections.abc import Mapping
from importlib.util import find_spec
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

_ARTICLES = {"scenario": "a scenario", "estimator": "an estimator", "problem": "a problem"}


@click.command(epilog=examples("bench new mine", "bench new mine --estimator", "bench new mine --problem"))
@click.argument("name")
@click.option("--scenario", is_flag=True, help="A scenario (the default).")
@click.option("--estimator", is_flag=True, help="An estimator, with its test.")
@click.option("--problem", is_flag=True, help="A problem, with a scenario of it.")
def new(name: str, **wanted: bool) -> None:
    """Write a small working file to start from into this folder.

    A scenario is NAME.yaml, an estimator NAME.py and test_NAME.py, a problem NAME.py and NAME.yaml.
    Nothing is overwritten.
    """
    from bench.errors import invalid

    with explained():
        kinds = [kind for kind, given in wanted.items() if given] or ["scenario"]
        if len(kinds) > 1:
            given = " and ".join(f"--{kind}" for kind in kinds)
            raise invalid(f"{given}: wanted one of them; make one after the other, under two names")
        (kind,) = kinds
        _check(name, kind)
        texts = _texts(name, kind)
        if taken := [path for path in texts if path.exists()]:
            raise invalid("\n".join(f"{path}: there is one already; nothing was written" for path in taken))
        if kind != "scenario":
            _check_free(name, kind)
        _write(texts)
    for path in texts:
        click.echo(path)
    click.echo("\n  ".join(["next:", *(line.format(name=name) for line in _NEXT[kind])]))


def _check(name: str, kind: str) -> None:
    """Refuse what cannot name the files of a kind."""
    from bench.errors import invalid, shown

    said = f"{shown(name)} as the name of {_ARTICLES[kind]}"
    if ending := re.search(r"\.(yaml|yml|py)$", name, re.IGNORECASE):
        files = " and ".join(file.format(name="NAME") for file in _FILES[kind])
        without = name[: ending.start()] or "NAME"
        raise invalid(f"{said}: wanted it without {ending[0]}, such as {without}; it makes {files}")
    if kind == "scenario":
        if not re.fullmatch(r"[a-z0-9][a-z0-9_.-]{0,63}", name):
            raise invalid(
                f"{said}: wanted up to 64 characters, a small letter or digit and then these, dots, _ and -"
                + _near(name)
            )
        return
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,60}", name):
        raise invalid(
            f"{said}, which is also a module of Python: wanted up to 61 characters, a small letter "
            f"and then these, digits and _{_near(name)}"
        )
    if keyword.iskeyword(name):
        raise invalid(f"{said}: it is a keyword of Python; wanted another, such as my_{name}")
    if not _is_text(name):
        raise invalid(f"{said}: YAML reads it as a value; wanted another, such as my_{name}")
    cls = _class_of(name)
    if keyword.iskeyword(cls) or cls in _imported_by(kind):
        raise invalid(f"{said}: its class {cls} would hide another one; wanted another, such as my_{name}")
    if kind == "estimator" and name in ("label", "name"):
        raise invalid(f"{said}: in a scenario that is a key of an entry; wanted another, such as my_{name}")


def _class_of(name: str) -> str:
    return "".join(part.capitalize() for part in name.split("_"))


def _imported_by(kind: str) -> set[str]:
    """Return the names that the template of a kind imports."""
    template = TEMPLATES / next(file for file in _FILES[kind].values() if file.endswith(".py.txt"))
    lines = re.findall(
        r"^from [\w.]+ import (.+)$|^import ([\w.]+)", template.read_text("utf-8"), re.MULTILINE
    )
    return {name.strip() for line in lines for names in line for name in names.split(",")}


def _is_text(name: str) -> bool:
    """Return whether YAML reads the name as text, without quotes."""
    from bench.errors import Invalid
    from bench.scenario.scalars import meaning

    try:
        return meaning(name) == name
    except Invalid:  # a number that is too large
        return False


def _near(name: str) -> str:
    """Return a suggestion to append: a name like the one that was given, if enough of it is left."""
    near = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_0123456789")[:60]
    return f"; such as {near}" if near and not keyword.iskeyword(near) else "; such as mine"


def _check_free(name: str, kind: str) -> None:
    """Refuse a name that an estimator, a problem or a module has already; nothing is imported for it."""
    from bench import catalogue
    from bench.errors import invalid, shown
    from estimators import OTHER_NAMES

    said = f"{shown(name)} as the name of {_ARTICLES[kind]}"
    other = f"wanted another, such as my_{name}"
    if name in (*catalogue.names("estimators"), *OTHER_NAMES):
        raise invalid(f"{said}: an estimator has it already, see `bench show estimator:{name}`; {other}")
    if name in catalogue.names("problems"):
        raise invalid(f"{said}: a problem has it already, see `bench show problem:{name}`; {other}")
    if _is_module(name):
        raise invalid(f"{said}: Python has a module {name}, and {name}.py would hide it; {other}")


def _is_module(name: str) -> bool:
    try:
        spec = find_spec(name)
    except ValueError:  # it was loaded in an unusual way
        return True
    return spec is not None and spec.origin is not None  # a bare folder has none, and hides nothing


def _texts(name: str, kind: str) -> dict[Path, str]:
    """Return the files to write, with their texts; those of scenarios are read, to see that they can be."""
    from bench.errors import Invalid, invalid, shown
    from bench.scenario.reading import read_text

    words = {
        "name": name,
        "in_yaml": name if _is_text(name) else json.dumps(name),
        "cls": _class_of(name),
        "file": f"{name}.yaml" if kind == "scenario" else f"{name}.py",
        "scenario": f"{name}.yaml",
    }
    texts = {
        Path(file.format(name=name)): Template((TEMPLATES / of).read_text("utf-8")).substitute(words)
        for file, of in _FILES[kind].items()
    }
    for path, text in texts.items():
        if path.suffix == ".yaml":
            try:
                read_text(text, str(path))  # which knows what a scenario may be called
            except Invalid as error:
                reasons = "; ".join(line.partition("name: ")[2] or line for line in error.lines)
                raise invalid(f"{shown(name)} as the name of a scenario: {reasons}") from None
    return texts


def _write(texts: Mapping[Path, str]) -> None:
    """Write new files, all or none."""
    from bench.errors import invalid

    made: list[Path] = []
    for path, text in texts.items():
        try:
            with path.open("x", encoding="utf-8") as file:
                made.append(path)  # from here on it is ours to remove
                file.write(text)
        except OSError as error:
            for each in made:
                each.unlink(missing_ok=True)
            raise invalid(f"{path}: cannot be written: {error.strerror}; nothing was written") from error
