"""The English of everything that a person reads, held to the words of the field; `make lint` runs it.

Strings and comments of the program, documents, scenarios and templates are read; names in code are not.
"""

from __future__ import annotations

import io
import re
import subprocess
import sys
import tokenize
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent

AMERICAN = "American spelling"
WORDS = {
    r"laws?": "distribution",
    r"guess(es|ed|ing)?": "estimate",
    r"dear(er|est)": "more expensive, most expensive",
    r"grav(e|er|est)": "worst, largest",
    r"beware": "warning",
    r"would have (been )?seen": "minimum detectable bias",
    r"is it what it claims": "certify an estimator",
    r"does it stay that way": "regression gate",
    r"of the kind": "(3 more)",
    r"no wonder": "expected among 30 tests",
    r"of no bias": "p (no bias)",
    r"words of (the )?(user|command line|scenario)s?": "names, options, messages",
    r"in the words of": "as … says",
    r"behaviours?|colour(s|ed)?|neighbours?|favour(s|ed|ite)?|centre[sd]?|grey|labell(ed|ing)": AMERICAN,
    r"analys(e|ed|ing)|(optim|minim|maxim|normal|parameter|initial|general)is(e|ed|es|ing|ation)": AMERICAN,
    r"(summar|real|recogn)is(e|ed|es|ing|ation)": AMERICAN,
    r"in words": "as text",
}
"""Pattern of words that are not written -> the words that are."""

F_STRING = re.compile(r"[rR]?[fF]")
READ = re.compile(r"\.(py|md|yaml|yml|toml|html|js|css)$|(^|/)(Makefile|run)$")
UNREAD = re.compile(r"(^|/)vendor/|^tests/|^results/reference/|cards\.json$")


def texts(path: Path) -> Iterator[tuple[int, str]]:
    """Lines with their numbers: of Python only those of strings and comments, of other files all."""
    text = path.read_text("utf-8")
    if path.suffix != ".py":
        yield from enumerate(text.splitlines(), 1)
        return
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type in (tokenize.STRING, tokenize.COMMENT):
            said = re.sub(r"\{[^{}]*\}", "", token.string) if F_STRING.match(token.string) else token.string
            yield from enumerate(said.splitlines(), token.start[0])


def faults(line: str) -> Iterator[str]:
    """Yield what is not written in a line, and what is instead."""
    for word, instead in WORDS.items():
        for found in re.finditer(rf"\b(?:{word})\b", line, re.IGNORECASE):
            yield f"{found[0]!r}; write: {instead}"


def files() -> list[Path]:
    """The files under version control that people read."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout.splitlines()  # fmt: skip
    return [ROOT / name for name in listed if READ.search(name) and not UNREAD.search(name)]


def main() -> int:
    """Print every fault with its place, and return the exit code."""
    found = [
        f"{path.relative_to(ROOT)}:{number}: {fault}"
        for path in files()
        for number, line in texts(path)
        for fault in faults(line)
    ]
    print("\n".join([*found, f"english: {len(found)} faults"]))
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main())
