"""The pages of the reference runs beside the site, which share one copy of the scripts that draw."""

from __future__ import annotations

import gc
import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from importlib.resources import files
from pathlib import Path

import bench
from bench.page.one_run import one_run
from bench.page.render import LIBRARIES, page
from docs.pages.gallery import GALLERY, REFERENCE

FOLDER = Path("made") / "gallery" / "runs"


class RunPages:
    """The pages of all runs, which two processes make while Sphinx makes the others."""

    def __init__(self) -> None:
        # What they import is imported once, by the process that they are copies of.
        method = multiprocessing.get_context("forkserver")
        method.set_forkserver_preload([__name__])
        self._pool = ProcessPoolExecutor(2, method, initializer=gc.freeze)
        self._made = {name: self._pool.submit(_page, name) for name in GALLERY}

    def write(self, site: Path) -> None:
        """Write them into a site that was built."""
        folder = site / FOLDER
        folder.mkdir(parents=True, exist_ok=True)
        (folder / LIBRARIES).write_bytes(files("bench.page").joinpath(f"vendor/{LIBRARIES}").read_bytes())
        for name, made in self._made.items():
            (folder / f"{name}.html").write_text(made.result(), encoding="utf-8")

    def close(self) -> None:
        """Give up what is not made yet."""
        self._pool.shutdown(cancel_futures=True)


def _page(name: str) -> str:
    return page([one_run(bench.load(REFERENCE / name))], libraries_at=LIBRARIES)
