"""A guard around foreign code: what it changes is put back and named, and it cannot end the process."""

from __future__ import annotations

import os
import types
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, NoReturn

import torch

from bench.distributions.choices import choices_of
from bench.engine.contents import are_identical, changed, contents, replaced
from bench.engine.copies import own_copy
from bench.engine.deeds import Deeds, told_of
from bench.engine.process_state import QUICK, put_back, quick_state, watched
from bench.problem import NotApplicable, Problem

RESEEDED = "it reseeded torch's generator"

_seed_of_torch = torch.default_generator.initial_seed


class Misbehaved(Exception):
    """A deed of foreign code that it must leave alone, as text.

    Attributes:
        changed: what it changed that is not its own.
        more: what else it did.
    """

    def __init__(self, changed: Sequence[str] = (), more: str = "") -> None:
        """Join the parts to a message."""
        self.changed, self.more = tuple(dict.fromkeys(changed)), more
        said = [f"it changed {' and '.join(self.changed)}"] if self.changed else []
        super().__init__("; ".join([*said, *([more] if more else [])]))


class Ended(Misbehaved):
    """Foreign code raised an exception that is meant to end the process, such as SystemExit."""


def reason_of(error: BaseException) -> str:
    """Return an error as text, whatever its own text does."""
    try:
        text = str(error)
    except Exception as failure:  # noqa: BLE001 - the text of an error is foreign code too
        text = f"its text fails with {type(failure).__name__}"
    if isinstance(error, Misbehaved | NotApplicable):
        return text
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


@contextmanager
def contained() -> Iterator[None]:
    """Raise `Ended` for what foreign code raises to end the process; only the user may do that."""
    try:
        yield
    except (Exception, KeyboardInterrupt):
        raise
    except BaseException as error:
        raise Ended(more=reason_of(error)) from error


def moved_copy(problem: Problem, device: str, dtype: str) -> Problem:
    """Return a copy of a problem on a device and in a type, which shares no memory with it."""
    with contained():
        return own_copy(problem).to(device, getattr(torch, dtype))


class Call:
    """A guard for a single call, which costs a few microseconds; see `guarded` for the rest.

    Args:
        problem: the problem that is handed over; None where there is none.
    """

    __slots__ = ("_attributes", "_problem", "_seed", "_state")

    def __init__(self, problem: Problem | None = None) -> None:
        self._problem = problem

    def __enter__(self) -> None:
        self._state = quick_state()
        self._seed = _seed_of_torch()
        self._attributes = {} if self._problem is None else vars(self._problem).copy()

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        state_kept = quick_state() == self._state
        seed_kept = _seed_of_torch() == self._seed
        problem = self._problem
        attributes_kept = problem is None or are_identical(self._attributes, vars(problem))
        if error is None and state_kept and seed_kept and attributes_kept:
            return
        names = [] if state_kept else put_back(QUICK, self._state)
        if problem is not None and not attributes_kept:
            names += _told(problem, replaced(self._attributes, vars(problem), type(problem)))
        _raise(names, [] if seed_kept else [RESEEDED], error)


@contextmanager
def guarded(problem: Problem) -> Iterator[Deeds]:
    """Guard a piece of work on a problem: the calls within, and what is done between them.

    What it prints is passed on up to some lines, and told of on leaving. The state of the process is put back
    then. The problem is not: it must be a copy that nobody else uses, see `own_copy`.

    Raises:
        Misbehaved: if something was changed, or an exception was raised to end the process.
    """
    before, classes = contents(problem), _classes(problem)
    names: list[str] = []
    failure: BaseException | None = None
    with watched() as changes, _alone(), told_of() as deeds:
        try:
            yield deeds
        except BaseException as error:  # noqa: BLE001 - raised again below, with what was changed
            failure = error
        names += _told(problem, changed(before)) + _classes_put_back(classes)
    _raise([*changes.names, *names], [], failure)
    if failure is not None:
        raise failure


@contextmanager
def _alone() -> Iterator[None]:
    """Let foreign code not end the process at once, and no copy of the process go on where it forks one."""
    own, end = os.getpid(), os._exit

    def refused(status: int) -> NoReturn:
        if os.getpid() != own:
            end(status)
        raise Ended(more=f"os._exit({status})")

    os._exit = refused
    try:
        yield
    finally:
        os._exit = end
        if os.getpid() != own:
            end(os.EX_SOFTWARE)


def _raise(names: list[str], more: list[str], error: BaseException | None) -> None:
    """Raise what foreign code changed, with its error; return if there is nothing to add to that."""
    ends = error is not None and not isinstance(error, Exception | KeyboardInterrupt)
    if isinstance(error, KeyboardInterrupt) or not (names or more or ends):
        return
    if isinstance(error, Misbehaved):
        names, more = [*names, *error.changed], [*more, *([error.more] if error.more else [])]
    elif error is not None:
        more = [*more, reason_of(error)]
    kind = Ended if not names and (ends or isinstance(error, Ended)) else Misbehaved
    raise kind(names, "; ".join(dict.fromkeys(more))) from error


def _told(problem: Problem, names: list[str]) -> list[str]:
    """Changes that others made to a problem, as text."""
    own = _set_by_itself(problem) if names else frozenset()
    return [f"the problem's {name}" for name in names if name.partition(".")[0] not in own]


_BY_ITSELF: dict[type, frozenset[str]] = {}


def _set_by_itself(problem: Problem) -> frozenset[str]:
    """The attributes that the problem's own methods change, such as a counter of their calls."""
    if type(problem) not in _BY_ITSELF:
        probe = own_copy(problem)
        for name, value in list(vars(probe).items()):
            if isinstance(value, types.FunctionType) and hasattr(type(probe), name):
                del vars(probe)[name]  # counts the calls of the original
        before = contents(probe)
        # A method that fails has changed what it has changed until then.
        with torch.random.fork_rng(devices=[]), suppress(Exception):
            for sizes in ((2, 3), (5, 7)):  # what is kept by size is not there twice
                _exercise(probe, *sizes)
        _BY_ITSELF[type(problem)] = frozenset(name.partition(".")[0] for name in changed(before))
    return _BY_ITSELF[type(problem)]


def _exercise(problem: Problem, rows: int, sample_size: int) -> None:
    theta = problem.theta.detach().expand(rows, -1).requires_grad_()  # [R, P]
    p = problem.distribution(theta)
    x = p.sample((sample_size,))  # [N, R, (B,) *event]
    problem.inputs()
    problem.cost(x, theta)
    problem.cost_terms(x, theta)
    problem.analytic_term(theta, p)
    with suppress(NotApplicable):
        problem.relaxed_cost(choices_of(p).corner_of(x), theta)


def _classes(problem: Problem) -> list[tuple[type, dict[str, Any]]]:
    """The contents of the classes of a problem, those that the contract itself defines included."""
    return [(base, dict(vars(base))) for base in type(problem).__mro__ if issubclass(base, Problem)]


def _classes_put_back(classes: list[tuple[type, dict[str, Any]]]) -> list[str]:
    names = []
    for cls, before in classes:
        if are_identical(before, vars(cls)):
            continue
        for name in dict.fromkeys([*before, *vars(cls)]):
            if name.startswith("_") or (name in before and vars(cls).get(name) is before[name]):
                continue
            names.append(f"{name} of the class {cls.__name__}")
            if name in before:
                setattr(cls, name, before[name])
            else:
                delattr(cls, name)
    return names
