"""The check of the English that people read: it sees what is planted, and only where people read."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.english import ROOT, WORDS, faults, files, main, texts

PLANTED = [
    "a law", "a guess of it", "dearer", "the gravest", "Beware", "it would have seen", "is it what it claims",
    "does it stay that way", "3 more of the kind", "no wonder", "p of no bias", "words of the user",
    "in the words of", "neighbours", "minimise", "analysing", "generalisation", "in words",
]  # fmt: skip


@pytest.mark.parametrize("line", PLANTED)
def test_a_planted_word_is_seen(line: str) -> None:
    assert list(faults(f"There is {line} here."))


def test_every_word_is_planted() -> None:
    assert len({next(faults(line)) for line in PLANTED}) >= len(WORDS)
    assert list(faults("outlaw, guesswork, engraved, colors, analysis, otherwise, precise, exercise")) == []


def test_strings_and_comments_are_read_and_names_are_not(tmp_path: Path) -> None:
    path = tmp_path / "one.py"
    path.write_text('"""A law.\n\nA guess.\n"""\nlaw = "dearer"  # beware\nguess = f"{law} is"\n')
    found = [(number, fault.split("'")[1]) for number, line in texts(path) for fault in faults(line)]
    assert found == [(1, "law"), (3, "guess"), (5, "dearer"), (5, "beware")]
    (tmp_path / "one.md").write_text("A law\n")
    assert [number for number, _ in texts(tmp_path / "one.md")] == [1]


def test_documents_program_and_scenarios_are_read_and_nothing_is_found() -> None:
    read = {str(path.relative_to(ROOT)) for path in files()}
    assert {"README.md", "docs/ci.md", "bench/cli.py", "scenarios/vae.yaml", "bench/page/page.html"} <= read
    assert not any("vendor" in name or name.startswith("tests") for name in read)
    assert main() == 0
