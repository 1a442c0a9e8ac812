r"""The results of a run as a table for LaTeX, which needs `\usepackage{booktabs}` and nothing else.

Nothing in its texts and numbers is a command, whatever engine sets them.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import groupby

import pandas as pd

from bench.analysis import rows
from bench.tables.results_table import brief_verdict, results_table
from bench.text.failures import attempted
from bench.text.labels import plain
from bench.text.numbers import MISSING, grouped
from bench.text.words import capital

YIELDS = {"N": None, "on": None, "bias": None, "variance": None, "MSE": 0, "var × time": 1, "verdict": None}
"""The columns, each with its place in the order in which they go where the page is too narrow."""

_TEXTS = {"N": lambda row: grouped(row.sample_size), "verdict": brief_verdict}
_WORDS = ("on", "verdict")

WIDEST = 345
"""Points: the text of LaTeX's own classes on letter paper at 10 points."""

GAP = 6
"""Points between columns."""

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


def as_tex(measurements: pd.DataFrame, claims: Sequence[str] = ()) -> str:
    r"""Return a `table` of the whole gradient's rows, below the claims of `bench.text.claims` as a list."""
    whole = rows.whole(measurements)
    items = [rf"  \item {tex(claim)}" for claim in claims]
    parts = [
        r"% \usepackage{booktabs}",
        *([r"\begin{itemize}", *items, r"\end{itemize}"] if items else []),
        *(attempted("the table", lambda: _table(whole), tex) if len(whole) else ["% no results"]),
    ]
    return "\n".join(parts) + "\n"


def _table(whole: pd.DataFrame) -> Iterator[str]:
    every = results_table(whole)
    columns = [
        replace(c, text=_TEXTS.get(c.name, c.text), brief=None, yields=YIELDS[c.name])
        for c in every.columns
        if c.name in YIELDS
    ]
    table = replace(every, columns=columns, across=lambda _: "")
    kept = table.fitted(WIDEST, points, GAP)
    for name in [c.name for c in columns if c not in kept]:
        yield f"% left out, because the page is too narrow: {name}"
    facts, *notes = every.notes
    scenario = plain(whole["scenario"].iloc[0]) or "(no name)"
    about = f"{scenario}: {facts.replace(' · ', ', ')}, time in seconds"
    yield r"\begin{table}"
    yield r"  \centering\footnotesize\setlength{\tabcolsep}{3pt}"
    yield rf"  \caption{{{' '.join(tex(f'{note}.') for note in [about, *map(capital, notes)])}}}"
    yield rf"  \begin{{tabular}}{{@{{}}{''.join(c.align[0] for c in kept)}@{{}}}}"
    yield r"    \toprule"
    yield _line(["$N$" if c.name == "N" else tex(capital(c.name)) for c in kept])
    for label, group in groupby(table.rows, table.group):
        # A line above its own, where a long one widens nothing.
        yield r"    \midrule"
        yield _line([rf"\multicolumn{{{len(kept)}}}{{l}}{{{tex(label)}}}"])
        for row in group:
            yield _line([(tex if c.name in _WORDS else tex_number)(c.text(row)) for c in kept])
    yield from (r"    \bottomrule", r"  \end{tabular}", r"\end{table}")


def _line(cells: Sequence[str]) -> str:
    return rf"    {' & '.join(cells)} \\"


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
