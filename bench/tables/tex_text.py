"""Untrusted text and numbers as LaTeX: nothing in them is a command, whatever engine sets them."""

from __future__ import annotations

import re
import unicodedata

from bench.text.labels import plain
from bench.text.numbers import MISSING

_SPECIAL = {
    "\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"\textless{}",
    ">": r"\textgreater{}", "|": r"\textbar{}", "`": r"\textasciigrave{}", '"': r"\char34{}",
    **{c: f"\\{c}" for c in "$%&#_{}"},
    # After the end of a row these would be its options.
    **{c: f"{{{c}}}" for c in "[]*"},
    "…": r"\ldots{}", "–": r"\textendash{}", "—": r"\textemdash{}",
    "\u2009": r"\,", "ß": r"\ss{}", "æ": r"\ae{}", "ø": r"\o{}", "Ø": r"\O{}",
}  # fmt: skip

_GREEK = (
    "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi pi rho sigma tau upsilon phi "
    "chi psi omega Gamma Delta Theta Lambda Xi Pi Sigma Upsilon Phi Psi Omega"
)
_MATH = {
    **dict(zip("αβγδεζηθικλμνξπρστυφχψωΓΔΘΛΞΠΣΥΦΨΩ", (f"\\{name}" for name in _GREEK.split()), strict=True)),
    **{c: f"^{{{digit}}}" for digit, c in enumerate("⁰¹²³⁴⁵⁶⁷⁸⁹")},
    **{c: f"_{{{digit}}}" for digit, c in enumerate("₀₁₂₃₄₅₆₇₈₉")},
    "×": r"\times", "−": "-", "±": r"\pm", "∇": r"\nabla", "≤": r"\leq", "≥": r"\geq", "∞": r"\infty",
    "µ": r"\mu", "·": r"\cdot", "√": r"\surd", "∂": r"\partial", "→": r"\to",
}  # fmt: skip

_NUMBER = re.compile(r"(?<![\w.-])(-\d+(?:\.\d+)?(?:e-?\d+)?|\d+(?:\.\d+)?e-?\d+)(?![\w-])")
"""A number with a sign or a power of ten, which plain text would set with a hyphen."""

_GROUPS = re.compile(r"(?<=\d) (?=\d{3}(?!\d))")
"""Between groups of three digits, where a line may not end."""

_POWER = re.compile(r"(?<=\d)e(-?\d+)")
_COMMANDS = {" … ": ", ", "inf": r"\infty", "~": r"\sim ", " (": r"\;("}

_WIDTHS = {"-": 6.6, ".": 2.4, ",": 2.4, "(": 3.3, ")": 3.3, " ": 2.0, "×": 9.0}
_LETTER = 4.25
_WIDTH_OF_POWER = 29.0  # × 10 and a small exponent with its sign

_ACCENTS = {
    "\u0300": "`", "\u0301": "'", "\u0302": "^", "\u0303": "~", "\u0308": '"', "\u030a": "r", "\u030c": "v",
    "\u0327": "c",
}  # fmt: skip
"""Combining characters -> the command that sets them over a letter."""


def tex(text: object) -> str:
    """Return one line of text for LaTeX that needs no package and no font but the usual ones.

    A character that those lack is told by its code point, since pdfLaTeX would stop at it.
    Numbers with a sign or a power of ten are set as such.
    """
    words_and_numbers = _NUMBER.split(plain(text, 2000))
    return "".join(tex_number(part) if i % 2 else _words(part) for i, part in enumerate(words_and_numbers))


def tex_number(text: str) -> str:
    r"""Return a number of `bench.text.numbers` in math mode: `4.00e-5` is $4.00 \times 10^{-5}$.

    A power of ten that an estimate and its interval share is written once, behind both.
    """
    if text == MISSING:
        return "---"
    # Numbers without their signs, and their powers of ten.
    powers = {power for number, power in re.findall(r"(\d[\d.]*)(?:e(-?\d+))?", text) if float(number)}
    shared = powers.pop() if len(powers) == 1 else ""
    bare = _POWER.sub("" if shared else r" \\times 10^{\1}", text)
    for words, command in _COMMANDS.items():
        bare = bare.replace(words, command)
    power = rf" \times 10^{{{shared}}}" if shared else ""
    return "$" + _GROUPS.sub(r"\,", bare) + power + "$"


def points(text: str) -> float:
    r"""Return about how wide a text or number is, in points, in Computer Modern at \footnotesize."""
    numbers = text.replace(" …", ",")
    powers = _POWER.findall(numbers)
    written = 1 if len(set(powers)) == 1 else len(powers)  # one that is shared is written once
    return sum(_WIDTHS.get(c, _LETTER) for c in _POWER.sub("", numbers)) + _WIDTH_OF_POWER * written


def _words(text: str) -> str:
    # Two hyphens together would be a dash.
    return re.sub("-(?=-)", "-{}", "".join(map(_character, _GROUPS.sub("\u2009", text))))


def _character(c: str) -> str:
    if c in _SPECIAL or c in _MATH:
        return _SPECIAL.get(c) or f"${_MATH[c]}$"
    letter, mark = unicodedata.normalize("NFD", c)[0], unicodedata.normalize("NFD", c)[1:]
    if letter.isascii() and letter.isalpha() and mark in _ACCENTS:
        return f"\\{_ACCENTS[mark]}{{{letter}}}"
    return c if c.isascii() else rf"\texttt{{U+{ord(c):04X}}}"
