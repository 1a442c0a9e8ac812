"""The cards that `bench list` reads are those of the classes and functions themselves."""

from __future__ import annotations

from bench import card_file
from bench.cards import KEPT


def test_the_kept_cards_are_up_to_date() -> None:
    assert KEPT.read_text("utf-8") == card_file.text(), "run `make cards`"
