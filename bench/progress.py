"""The progress of a run: a bar with the time left on a terminal, one line in a notebook, lines elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar
from rich.text import Text

from bench.engine.result import Result
from bench.engine.truth import Truth
from bench.noise.compiling import told
from bench.text.labels import LONGEST_NOTE, plain

if TYPE_CHECKING:
    from bench.scenario.prepared import Prepared


def progress(prepared: Prepared) -> Progress | NotebookProgress:
    """Return what tells of a run where it is seen: in a notebook, or on standard error."""
    return NotebookProgress(prepared) if Console().is_jupyter else Progress(prepared)


class Progress:
    """Tell of the truth and of each result as they come, on standard error."""

    def __init__(self, prepared: Prepared) -> None:
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
        self.console.print(Text(_header(prepared)))

    def __enter__(self) -> Progress:
        self.told = told(self._compiling)
        self.told.__enter__()
        self.bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.bar.stop()
        self.told.__exit__(None, None, None)

    def _compiling(self) -> None:
        self.console.print(Text(COMPILING))

    def now(self, work: str) -> None:
        """Tell of work that goes on after the last cell, such as "drawing figures"."""
        self.bar.update(self.task, description=work)
        if not self.console.is_terminal:
            self.console.print(Text(work))

    def __call__(self, news: Truth | Result) -> None:
        """Tell of what has just been done."""
        if isinstance(news, Truth):
            self.console.print(Text(_of_truth(news)), soft_wrap=True)
            return
        line = _of_result(news)
        self.bar.update(self.task, advance=1, description=line)
        if not self.console.is_terminal and news.status != "unavailable":
            reason = f": {plain(news.reason, 200)}" if news.reason else ""
            self.console.print(Text(line + reason), soft_wrap=True)


class NotebookProgress:
    """Tell of the cells that are done in one line of a notebook, which is written over and over."""

    def __init__(self, prepared: Prepared) -> None:
        self.header, self.done, self.truth = _header(prepared), 0, ""
        self.write: Callable[[str], None] = lambda _: None

    def __enter__(self) -> NotebookProgress:
        from IPython import display  # where there is a notebook there is IPython

        publish: Any = display.display
        shown = publish({"text/plain": self.header}, raw=True, display_id=True)
        self.write = lambda text: shown.update({"text/plain": text}, raw=True)
        self.told = told(lambda: self.write(f"{self.header}; {COMPILING}"))
        self.told.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self.told.__exit__(None, None, None)
        self.write(f"{self.header}, {self.done} done{self.truth}")

    def __call__(self, news: Truth | Result) -> None:
        """Tell of what has just been done."""
        if isinstance(news, Truth):
            self.truth = f", {_of_truth(news)}"
            return
        self.done += 1
        self.write(f"{self.header}, {self.done} done{self.truth}; {_of_result(news)}")


COMPILING = "compiling for this processor, once: half a minute"


def _header(prepared: Prepared) -> str:
    scenario = prepared.scenario
    return f"{scenario.name}: {len(prepared.cells)} cells, R = {scenario.replicates}"


def _of_truth(truth: Truth) -> str:
    note = f" ({plain(truth.note, LONGEST_NOTE)})" if truth.note else ""
    return f"truth: {truth.kind.replace('_', ' ')}{note}"


def _of_result(result: Result) -> str:
    cell = result.cell
    return f"{plain(cell.named.label)}, N = {cell.sample_size}, {cell.device}, {cell.dtype}: {result.status}"
