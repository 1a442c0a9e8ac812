"""Options as a scenario gives them, checked against the annotations of the class that takes them."""

from __future__ import annotations

import dataclasses
import inspect
import math
import re
from collections.abc import Mapping
from typing import Any, Literal, get_args, get_origin, get_type_hints

import yaml
from pydantic import TypeAdapter, ValidationError

from bench.errors import Fault, Invalid, KeyFault, did_you_mean, invalid, shown


class Choice:
    """An option that is itself one of several named things, each with options of its own.

    In a scenario it is written as a name, or as `{name: {option: value}}`.
    """

    @classmethod
    def choices(cls) -> Mapping[str, type]:
        """The table of names."""
        return {}


def construct(cls: type, options: Mapping[str, Any], what: str) -> Any:
    """An instance of a class, its arguments checked against its annotations, all faults at once.

    Raises:
        Invalid: with the path of each option that is unknown, missing or wrong.
    """
    wanted = _options_of(cls)
    faults: list[Fault] = [
        KeyFault(f"unknown option {shown(key)} of {what}; {_suggested(key, wanted)}", (key,))
        for key in options
        if key not in wanted
    ]
    faults += [
        Fault(f"{what} needs the option {key!r}")
        for key, option in wanted.items()
        if option.required and key not in options
    ]
    values = {}
    for key in (key for key in options if key in wanted):
        try:
            values[key] = converted(wanted[key].annotation, options[key])
        except Invalid as error:
            faults += error.under(key).faults
    if any(option.required and key not in values for key, option in wanted.items()):
        raise Invalid(*faults)
    try:
        made = cls(**values)
    except Invalid as error:
        raise Invalid(*faults, *error.faults) from None
    except ValueError as error:
        first = str(error).split(" ")[0]  # `smoothing must be positive` is told where smoothing stands
        raise Invalid(*faults, Fault(f"{what}: {error}", (first,) if first in values else ())) from error
    if faults:
        raise Invalid(*faults)
    return made


@dataclasses.dataclass(frozen=True)
class _Option:
    annotation: Any
    default: Any

    @property
    def required(self) -> bool:
        return self.default is inspect.Parameter.empty


def _options_of(cls: type) -> dict[str, _Option]:
    # Those of a class are looked up where each base class was written, those of a function in one place.
    hints = get_type_hints(cls if dataclasses.is_dataclass(cls) else cls.__init__)  # type: ignore[misc]
    parameters = list(inspect.signature(cls).parameters.values())
    return {p.name: _Option(hints.get(p.name, Any), p.default) for p in parameters}


def _suggested(key: str, wanted: Mapping[str, _Option]) -> str:
    return did_you_mean(key, wanted) if wanted else "it has none"


def described_options(cls: type) -> dict[str, str]:
    """The options of a class: name -> its default as YAML writes it, or "required"."""
    return {
        key: "required" if option.required else _default_text(option.default)
        for key, option in _options_of(cls).items()
    }


def choices_of(cls: type, option: str) -> Mapping[str, type]:
    """The named things of which an option of a class is one, by name."""
    found: Mapping[str, type] = _options_of(cls)[option].annotation.choices()
    return found


def _default_text(default: Any) -> str:
    if isinstance(default, Choice):
        return next(name for name, cls in default.choices().items() if type(default) is cls)
    try:  # in a list, so that it may stand in one
        text = yaml.safe_dump([default], default_flow_style=True, allow_unicode=True, width=math.inf)
    except yaml.YAMLError:  # of a type that YAML does not have
        return repr(default)
    return text.strip()[1:-1]


def converted(annotation: Any, value: Any) -> Any:
    """A value as an annotation wants it, and as nothing else.

    Raises:
        Invalid: with the path of what is of another type.
    """
    if isinstance(annotation, type) and issubclass(annotation, Choice):
        return _chosen(annotation, value)
    # In pydantic's strict mode a dataclass is not built from a mapping.
    strict = not dataclasses.is_dataclass(annotation)
    try:
        return TypeAdapter(annotation).validate_python(value, strict=strict)
    except ValidationError as error:
        raise _fault(error.errors()[0], annotation) from error


def _fault(error: Any, annotation: Any) -> Invalid:
    path, rest = [], list(error["loc"])
    # As far as keys and positions lead; past a union pydantic names its members too.
    while rest and (inner := _inside(annotation, rest[0])) is not None:
        annotation = inner
        path.append(rest.pop(0))
    path += [part for part in rest if isinstance(part, int)]
    return invalid(f"wanted {_described(annotation)}, got {shown(error['input'])}", *path)


def _inside(annotation: Any, part: str | int) -> Any:
    """Return the type that is wanted at a key of a mapping or a position of a list; None otherwise."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is list and isinstance(part, int):
        return arguments[0]
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return arguments[1]
    return None


def _described(annotation: Any) -> str:
    words = {int: "a whole number", float: "a number", str: "text", bool: "true or false", type(None): "null"}
    if annotation in words:
        return words[annotation]
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return "one of " + ", ".join(repr(word) for word in arguments)
    if origin is list:
        return f"a list of {_several(arguments[0])}"
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return "a mapping"
    if arguments:
        return " or ".join(dict.fromkeys(_described(argument) for argument in arguments))
    return str(getattr(annotation, "__name__", annotation))


def _several(annotation: Any) -> str:
    """Return what the items of a list are: `numbers`, `lists of numbers`."""
    words = {int: "whole numbers", float: "numbers", str: "texts", bool: "truth values"}
    if annotation in words:
        return words[annotation]
    if get_origin(annotation) is list:
        return f"lists of {_several(get_args(annotation)[0])}"
    return f"items, {_described(annotation)} each"


def _chosen(family: type[Choice], value: Any) -> Any:
    if isinstance(value, family):
        return value
    table = family.choices()
    what = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", family.__name__).lower()
    if isinstance(value, str):
        name, own = value, dict[str, Any]()
    elif isinstance(value, Mapping) and len(value) == 1:
        name, own = next(iter(value.items()))
        own = {} if own is None else own
    else:
        raise invalid(f"wanted a {what} by name, or as {{name: {{option: value}}}}, got {shown(value)}")
    if name not in table:
        raise invalid(f"unknown {what} {shown(name)}; {did_you_mean(name, table)}")
    if not isinstance(own, Mapping):
        raise invalid(f"wanted the options of {what} {name} as {{option: value}}, got {shown(own)}", name)
    try:
        return construct(table[name], own, f"{what} {name}")
    except Invalid as error:
        raise error.under(*([name] if isinstance(value, Mapping) else [])) from error
