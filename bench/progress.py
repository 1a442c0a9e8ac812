"""The progress of a run: a bar with the time left on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar
from rich.text import Text

from bench.engine.run import Result
from bench.engine.truth import Truth
from bench.text.labels import LONGEST_NOTE, plain

if TYPE_CHECKING:
    from bench.scenario.prepared import Prepared


class Progress:
    """Tell of the truth and of each result as they come, on standard error."""

    def __init__(self, prepared: Prepared) -> None:
        scenario = prepared.scenario
        self.console = Console(file=sys.stderr)
        self.bar = Bar(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=self.console,
            transient=True,
            disable=not self.console.is_terminal,
        )
        self.task = self.bar.add_task("the truth", total=len(prepared.cells))
        header = f"{scenario.name}: {len(prepared.cells)} cells, R = {scenario.replicates}"
        self.console.print(Text(header))

    def __enter__(self) -> Progress:
        self.bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.bar.stop()

    def now(self, work: str) -> None:
        """Tell of work that goes on after the last cell, such as "drawing figures"."""
        self.bar.update(self.task, description=work)
        if not self.console.is_terminal:
            self.console.print(Text(work))

    def __call__(self, news: Truth | Result) -> None:
        """Tell of what has just been done."""
        if isinstance(news, Truth):
            note = f" ({plain(news.note, LONGEST_NOTE)})" if news.note else ""
            self.console.print(Text(f"truth: {news.kind.replace('_', ' ')}{note}"), soft_wrap=True)
            return
        cell = news.cell
        label = plain(cell.named.label)
        line = f"{label}, N = {cell.sample_size}, {cell.device}, {cell.dtype}: {news.status}"
        self.bar.update(self.task, advance=1, description=line)
        if not self.console.is_terminal and news.status != "unavailable":
            reason = f": {plain(news.reason, 200)}" if news.reason else ""
            self.console.print(Text(line + reason), soft_wrap=True)
