"""The parts of a run in its folder: each is there, whole, as soon as it is measured."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from bench.engine.pieces import Piece
from bench.engine.plan import Cell, Experiment
from bench.engine.result import Result
from bench.engine.truth import Truth
from bench.errors import invalid
from bench.results import parts, plan_file
from bench.results.files import remove_unfinished
from bench.results.folder_lock import writing
from bench.results.journal import Journal
from bench.results.keys import Key, digest, is_ours, key_of_cell, key_of_truth
from bench.results.part_cache import PartCache
from bench.results.part_file import Damaged, read_part, write_part

FOLDER, ASIDE = "parts", "damaged"
FAILED = ("error", "crashed", "timeout")
"""Statuses of cells that have no estimates, though they could."""

ATTEMPTS = 2
"""Deaths of the process within a cell, with nothing of it finished, until it is given up."""


class Store:
    """The parts of one run.

    Args:
        folder: of the run.
        stop: is asked after each part that was written, and may raise.
        cache: where parts are shared with other runs; None for nowhere.
        references: where long references are shared with other runs; None for nowhere.
    """

    def __init__(
        self,
        folder: Path,
        stop: Callable[[], None] = lambda: None,
        cache: PartCache | None = None,
        references: PartCache | None = None,
    ) -> None:
        self._cache, self._references = cache, references
        self.folder = folder / FOLDER
        self.aside = folder / ASIDE
        self.journal = Journal(folder)
        self._stop = stop
        self._truths: dict[str, Truth] = {}
        self._set_aside: list[str] = []
        self._known_parts: set[str] = set()

    @property
    def cache_folder(self) -> str | None:
        """The folder in which parts are shared with other runs; None for nowhere."""
        return None if self._cache is None else str(self._cache.root.resolve())

    @property
    def notes(self) -> list[str]:
        """A line for each part that was set aside, and for what went wrong with what is shared."""
        shared = [cache for cache in (self._cache, self._references) if cache is not None]
        return [*self._set_aside, *(line for cache in shared for line in cache.notes)]

    def prepare(self) -> None:
        """Make the folder, and remove what a process that was killed left half-written."""
        self.folder.mkdir(parents=True, exist_ok=True)
        remove_unfinished(self.folder)
        remove_unfinished(self.folder.parent)

    def discard_if_empty(self) -> None:
        """Remove what was made for a run of which nothing was measured."""
        if any(self.folder.glob("*.cell")) or any(self.folder.glob("*.piece")):
            return
        with suppress(OSError):
            for path in self.folder.glob("*.truth"):
                path.unlink()
            self.journal.remove()
            (self.folder.parent / plan_file.NAME).unlink(missing_ok=True)
            self.folder.rmdir()

    # --- cells --------------------------------------------------------------------------------------

    def result(self, experiment: Experiment, cell: Cell) -> Result | None:
        """The result of a finished cell, put together of its pieces; None if it is not there whole."""
        key = self.key(experiment, cell)
        part = None if key is None else self._read(_name_of_cell(key, experiment))
        if key is None or part is None:
            return None
        try:
            return parts.to_result(part, cell, self._pieces(key, part))
        except _Missing:
            return None
        except (LookupError, TypeError, ValueError, AttributeError):
            self._put_aside(_name_of_cell(key, experiment), "it lacks what belongs to a result")
            return None

    def pieces(self, experiment: Experiment, cell: Cell) -> Iterator[Piece]:
        """The pieces of a finished cell, one after the other, in order.

        Raises:
            Invalid: if one is not there any more.
        """
        key = self._known(experiment, cell)
        part = self._read(_name_of_cell(key, experiment))
        try:
            yield from () if part is None else self._pieces(key, part)
        except _Missing:
            run = self.folder.parent
            raise invalid(
                f"{run}: a part was removed or damaged meanwhile; bench resume {run} makes it anew"
            ) from None

    def _pieces(self, key: Key, part: parts.Part) -> Iterator[Piece]:
        """The pieces of a finished cell, in order; one is in memory at a time."""
        kept, end = CellPieces(self, key), parts.last_piece(part)
        for extent in part[0]["pieces"] if end is None else part[0]["pieces"][:-1]:
            piece = kept.get(*extent)
            if piece is None:
                raise _Missing
            yield piece
        if end is not None:
            yield end

    def status(self, experiment: Experiment, cell: Cell) -> tuple[str, str] | None:
        """The status of a finished cell, and its reason; None if it is not finished."""
        key = self.key(experiment, cell)
        part = None if key is None else self._read(_name_of_cell(key, experiment))
        return None if part is None else (str(part[0].get("status")), str(part[0].get("reason")))

    def keep(self, experiment: Experiment, result: Result, pieces: CellPieces | None) -> Result:
        """Keep the result of a cell whose pieces are kept, and return it."""
        key = self._known(experiment, result.cell)
        meta, arrays = parts.of_result(result)
        meta |= {"key": key, "pieces": [] if pieces is None or result.replication is None else pieces.extents}
        part = meta, arrays
        if pieces is not None and pieces.last is not None and result.replication is not None:
            part = parts.with_last_piece(part, pieces.last)
        self._write(_name_of_cell(key, experiment), part)
        self.journal.end(digest(key))
        self._stop()
        return result

    def key(self, experiment: Experiment, cell: Cell) -> Key | None:
        """The key of a cell; None as long as its truth is not known."""
        truth = self.truth(experiment)
        return None if truth is None else key_of_cell(experiment, cell, truth)

    def _known(self, experiment: Experiment, cell: Cell) -> Key:
        key = self.key(experiment, cell)
        assert key is not None, "the truth comes before the cells"
        return key

    def begin(self, experiment: Experiment, cell: Cell) -> CellPieces:
        """Note that a cell is measured from now on; where its pieces are kept."""
        key = self._known(experiment, cell)
        self.journal.begin(digest(key))
        return CellPieces(self, key)

    # --- truths -------------------------------------------------------------------------------------

    def truth(self, experiment: Experiment, count: int = 0) -> Truth | None:
        """The truth that is kept; with a count, that which so many draws looked at again."""
        name = _name_of_truth(experiment, count)
        if name not in self._truths and (part := self._truth_part(experiment, name)) is not None:
            self._truths[name] = parts.to_truth(part)
        return self._truths.get(name)

    def keep_truth(self, experiment: Experiment, truth: Truth, count: int = 0) -> Truth:
        """Keep a truth, and return it."""
        meta, arrays = parts.of_truth(truth)
        name = _name_of_truth(experiment, count)
        self._truths[name] = truth
        part: parts.Part = {**meta, "key": key_of_truth(experiment)}, arrays
        self._write(name, part)
        if self._references is not None and truth.kind == "reference" and is_ours(experiment):
            self._references.put(name, part)
        self._stop()
        return truth

    def _truth_part(self, experiment: Experiment, name: str) -> parts.Part | None:
        part = self._read(name)
        if part is None and self._references is not None and is_ours(experiment):
            part = self._references.get(name)
            if part is not None:
                self._place(name, part)
        return part

    # --- files --------------------------------------------------------------------------------------

    def keys(self) -> list[Key]:
        """The keys of all cells that are finished, whether they are still wanted or not."""
        read = [self._read(path.name) for path in sorted(self.folder.glob("*.cell"))]
        return [part[0]["key"] for part in read if part is not None and isinstance(part[0].get("key"), dict)]

    def _read(self, name: str) -> parts.Part | None:
        try:
            part: parts.Part | None = read_part(self.folder / name, name in self._known_parts)
            if part is not None and part[0].get("name") != name:
                self._put_aside(name, f"{self.folder / name}: it is another part")
                return None
            self._known_parts.add(name)
            return part
        except FileNotFoundError:
            part = None if self._cache is None else self._cache.get(name)
        except Damaged as error:
            self._put_aside(name, str(error))
            return None
        if part is not None:
            self._place(name, part)
        return part

    def _put_aside(self, name: str, why: str) -> None:
        with writing(self.folder.parent):
            self.aside.mkdir(exist_ok=True)
            target = self.aside / f"{name}.{secrets.token_hex(3)}"
            (self.folder / name).rename(target)
        self._set_aside.append(f"{why}; set aside in {self.aside}, and measured again")

    def _write(self, name: str, part: parts.Part) -> None:
        self._place(name, part)
        if self._cache is not None and part[0].get("status") not in FAILED:
            self._cache.put(name, part)

    def _place(self, name: str, part: parts.Part) -> None:
        meta, arrays = part
        with writing(self.folder.parent):
            write_part(self.folder / name, {**meta, "name": name}, arrays)
        self._known_parts.add(name)


class _Missing(Exception):
    """A piece of a finished cell is not there."""


class CellPieces:
    """The pieces of one cell in a store."""

    def __init__(self, store: Store, key: Key) -> None:
        self._store = store
        self._key = digest(key)
        self.extents: list[list[int]] = []
        self.last: parts.Part | None = None

    def get(self, start: int, replicates: int) -> Piece | None:
        """See `bench.engine.pieces.Pieces`."""
        part = self._store._read(self._name(start, replicates))
        if part is None:
            return None
        self.extents.append([start, replicates])
        return parts.to_piece(part)

    def put(self, piece: Piece, last: bool) -> Piece:
        """See `bench.engine.pieces.Pieces`."""
        part = parts.of_piece(piece)
        if last:
            self.last = part
            self.extents.append([piece.start, piece.replicates])
            return parts.to_piece(part)
        self._store._write(self._name(piece.start, piece.replicates), part)
        self._store.journal.piece(self._key)
        self.extents.append([piece.start, piece.replicates])
        self._store._stop()
        return parts.to_piece(part)

    def _name(self, start: int, replicates: int) -> str:
        return f"{self._key}-{start:012d}-{replicates}.piece"


def _name_of_cell(key: Key, experiment: Experiment) -> str:
    return f"{digest(key)}-{experiment.replicates}.cell"


def _name_of_truth(experiment: Experiment, count: int) -> str:
    return f"{digest(key_of_truth(experiment))}-{count}.truth"
