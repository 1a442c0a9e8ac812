"""Formulas as they are typed, with superscripts, π and printed signs, in characters that Python knows."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from bench.errors import Invalid, invalid, shown
from bench.formula.hints import ALLOWED, CALLED

SUPERSCRIPTS = "⁰¹²³⁴⁵⁶⁷⁸⁹⁻"
SIGNS = {"−": "-", "×": "*", "·": "*", "≤": "<=", "≥": ">=", "≠": "!="}
"""Signs as they are printed -> as Python's parser knows them."""

_DIGITS = str.maketrans(SUPERSCRIPTS, "0123456789-")
_TOKEN = re.compile(
    rf"(?P<power>[{SUPERSCRIPTS}]+)"
    r"|(?P<atom>(\d[\d_]*\.?[\d_]*|\.\d[\d_]*)([eE][-+]?\d+)?|[A-Za-z_]\w*|π)"
    r"|(?P<blank> )|(?P<other>.)",
    re.ASCII,
)


@dataclass
class Typed:
    """A formula in plain characters, and where each was typed.

    Attributes:
        text: the formula as it was typed, on one line.
        plain: the characters that are parsed.
        where: for each of them, and for the end, its position in `text`, from 0.
    """

    text: str
    plain: str = ""
    where: list[int] = field(default_factory=list)

    def error(self, start: int, end: int, reason: str) -> Invalid:
        """Return what is wrong with the characters from `start` to `end` of the plain ones."""
        first, last = self.where[start], self.where[end]
        return _error(first, self.text[first:last], reason)


def _error(place: int, source: str, reason: str) -> Invalid:
    return invalid(f"the formula cannot have {shown(source)} at character {place + 1}: {reason}")


def typed(text: str) -> Typed:
    """Return a formula in plain characters: a superscript is a power, and binds before all else.

    Args:
        text: as it was typed, on one line.

    Raises:
        Invalid: if a character is none of a formula, or a superscript has nothing to be the power of.
    """
    odd = re.search(rf"[^ -~π{''.join(SIGNS)}{SUPERSCRIPTS}]|[#\\]", text)
    if odd:
        raise _error(odd.start(), odd[0], ALLOWED)
    plain: list[str] = []
    where: list[int] = []
    opened: list[int] = []
    base: int | None = None  # where the last whole operand begins among the plain characters
    ends_in_name = False  # of a function, if a parenthesis follows
    after_name = False  # whether that operand follows a name, which no parenthesis may make a call

    def add(characters: str, place: int) -> None:
        plain.extend(characters)
        where.extend([place] * len(characters))

    for token in _TOKEN.finditer(text):
        place, found = token.start(), token[0]
        if token["power"]:
            name = re.match(r"[A-Za-z]\w*", "".join(plain[base:])) if base is not None else None
            if name and name[0] in CALLED and len(plain) == (base or 0) + name.end():
                raise _error(place, found, f"the power of a function follows it: {name[0]}(z){found}")
            if base is None:
                raise _error(place, found, "a superscript without what it is the power of, such as z²")
            if not re.fullmatch(r"-?\d+", found.translate(_DIGITS)):
                raise _error(place, found, "a superscript is a whole number, such as z² or z⁻¹")
            if not after_name:
                plain.insert(base, "(")
                where.insert(base, where[base])
            add("**", place)
            for at, digit in enumerate(found.translate(_DIGITS), place):
                add(digit, at)
            if not after_name:
                add(")", token.end())
        elif token["atom"]:
            if place and found == "π" and text[place - 1].isalnum():
                add(" ", place)
            base, after_name = len(plain), ends_in_name
            for at, character in enumerate(found, place):
                add("pi" if character == "π" else character, at)
            if found == "π" and text[token.end() : token.end() + 1].isalnum():
                add(" ", token.end())
        elif found in "([":
            # A subscript belongs to whatever operand is before it, a parenthesis to a name.
            continues = base is not None and (found == "[" or ends_in_name)
            opened.append(base if base is not None and continues else len(plain))
            add(found, place)
            base = None
        else:
            add(SIGNS.get(found, found), place)
            if found in ")]":
                base, after_name = opened.pop() if opened else None, False
            elif found != " ":
                base = None
        if found != " ":
            ends_in_name = bool(token["atom"]) and not re.match(r"[\d.]", found)
    return Typed(text, "".join(plain), [*where, len(text)])
