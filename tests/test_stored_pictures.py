"""Pictures in the folder of a run: as they were, in order, and nothing that somebody made up is trusted."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest

from bench.errors import Invalid
from bench.execution import execute
from bench.results import pictures
from bench.results.folder import load_pictures, write_pictures
from bench.scenario.prepared import prepare
from tests.test_report import HOSTILE

DIGITS = """
schema: 1
name: digits
version: 1
problem: {name: vae, data: digits, batch_size: 2, latent: 1, hidden: 2}
estimators: [reparameterization]
sweep: {sample_sizes: [2]}
replicates: 2
reference: {replicates: 16}
"""


def some(count: int = 3) -> np.ndarray:
    return np.random.default_rng(0).random((count, 4, 5))


def test_pictures_are_read_as_they_were(tmp_path: Path) -> None:
    written = {"z": some(), "data": some(2), "a/b": 1 - some(1)}
    write_pictures(tmp_path, written)
    read = load_pictures(tmp_path)
    assert list(read) == list(written)
    for label, stack in written.items():
        np.testing.assert_allclose(read[label], stack, rtol=1e-6)
        assert read[label].dtype == np.float64
    assert [path.name for path in tmp_path.iterdir()] == ["pictures.npz"]


def test_a_run_without_pictures_has_none(tmp_path: Path) -> None:
    write_pictures(tmp_path, {})
    write_pictures(tmp_path, {"none": some(0)})
    assert not list(tmp_path.iterdir())
    assert load_pictures(tmp_path) == {}


def test_a_run_leaves_the_pictures_of_its_problem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bench.api.draw", lambda *_: ([], []))
    (tmp_path / "s.yaml").write_text(DIGITS)
    prepared = prepare(tmp_path / "s.yaml")
    read = load_pictures(execute(prepared, tmp_path).folder)
    wanted = prepared.plans[0].experiment.problem.pictures()
    assert list(read) == list(wanted) == ["data", "reconstructions", "samples from the prior"]
    for label, stack in wanted.items():
        np.testing.assert_allclose(read[label], stack, atol=1e-7)


def test_labels_are_only_text(tmp_path: Path) -> None:
    written = {label: some() for label in (*HOSTILE, "../../a", "labels", "pictures_0", "file")}
    write_pictures(tmp_path, written)
    assert list(load_pictures(tmp_path)) == list(written)
    names = zipfile.ZipFile(tmp_path / "pictures.npz").namelist()
    assert set(names) == {"labels.npy", *(f"pictures_{i}.npy" for i in range(len(written)))}


def test_values_out_of_range_are_cut_and_no_numbers_stay(tmp_path: Path) -> None:
    write_pictures(tmp_path, {"a": np.array([[[-1.0, 0.5, 2.0, np.nan]]])})
    np.testing.assert_array_equal(load_pictures(tmp_path)["a"], [[[0.0, 0.5, 1.0, np.nan]]])


def objects(path: Path) -> None:
    np.savez(path, labels=np.array(["a"]), pictures_0=np.array([[[object()]]]))


def one_byte_short(path: Path) -> None:
    write_pictures(path.parent, {"a": some()})
    path.write_bytes(path.read_bytes()[:-1])


def one_byte_wrong(path: Path) -> None:
    write_pictures(path.parent, {"a": some()})
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 255
    path.write_bytes(content)


def without_end(path: Path) -> None:
    """An array whose header promises more than any memory holds."""
    header = b"{'descr': '<f4', 'fortran_order': False, 'shape': (99999, 99999, 99999)}".ljust(117) + b"\n"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("pictures_0.npy", b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header)
        np.savez(path.parent / "x.npz", labels=np.array(["a"]))
        archive.writestr("labels.npy", zipfile.ZipFile(path.parent / "x.npz").read("labels.npy"))


BROKEN = {
    "empty": lambda path: path.write_bytes(b""),
    "text": lambda path: path.write_text("no archive"),
    "a folder": lambda path: path.mkdir(),
    "objects": objects,
    "no labels": lambda path: np.savez(path, pictures_0=some()),
    "no pictures": lambda path: np.savez(path, labels=np.array(["a"])),
    "flat": lambda path: np.savez(path, labels=np.array(["a"]), pictures_0=some()[0]),
    "words": lambda path: np.savez(path, labels=np.array(["a"]), pictures_0=np.array([[["b"]]])),
    "short": one_byte_short,
    "wrong": one_byte_wrong,
    "without end": without_end,
}


@pytest.mark.parametrize("damage", BROKEN.values(), ids=BROKEN)
def test_what_is_broken_is_told(tmp_path: Path, damage) -> None:
    damage(tmp_path / "pictures.npz")
    with pytest.raises(Invalid, match="not the pictures of a run"):
        load_pictures(tmp_path)


def test_what_is_huge_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_pictures(tmp_path, {"a": np.zeros((9, 99, 99))})
    assert load_pictures(tmp_path)
    monkeypatch.setattr(pictures, "LARGEST", 99_999)
    with pytest.raises(Invalid, match="no more than 99999 are read"):
        load_pictures(tmp_path)
