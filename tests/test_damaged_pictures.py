"""Files of pictures that are cut off, changed anywhere or made up: read as they say, or refused in words."""

from __future__ import annotations

import gzip
import io
import random
import zipfile
from pathlib import Path

import numpy as np
import pytest

from bench.errors import Invalid
from bench.problems import image_files
from bench.problems.images import from_file

PLACES = 400
GREY = np.random.default_rng(0).integers(0, 256, (9, 6, 5)).astype(np.uint8)


def npy(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def npz(content: bytes, packed: int = zipfile.ZIP_DEFLATED, name: str = "images.npy") -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", packed) as archive:
        archive.writestr(zipfile.ZipInfo(name), content, packed)
    return file.getvalue()


def header(text: str, version: bytes = b"\x01\x00") -> bytes:
    said = text.encode("latin-1")
    return b"\x93NUMPY" + version + len(said).to_bytes(2 if version[0] == 1 else 4, "little") + said


IDX = bytes([0, 0, 8, 3]) + np.array(GREY.shape, ">u4").tobytes() + GREY.tobytes()
FILES = {
    "npy": npy(GREY),
    "npy of floats": npy(GREY / 255),
    "npz": npz(npy(GREY)),
    "npz, not packed": npz(npy(GREY), zipfile.ZIP_STORED),
    "idx": IDX,
    "idx, gzipped": gzip.compress(IDX, mtime=0),
}


def damaged(content: bytes, generator: random.Random) -> bytes:
    at = generator.randrange(len(content))
    how = generator.randrange(4)
    if how == 0:
        return content[:at]
    if how == 1:
        return content[:at] + generator.randbytes(generator.randrange(1, 9)) + content[at:]
    if how == 2:
        return content[:at] + content[at + generator.randrange(1, 9) :]
    return content[:at] + bytes([content[at] ^ (1 << generator.randrange(8))]) + content[at + 1 :]


@pytest.mark.parametrize("name", FILES)
def test_damage_anywhere_is_refused_or_read(tmp_path: Path, name: str) -> None:
    """A flipped bit of a pixel is a pixel; all else is an error, and none is a traceback."""
    path, generator = tmp_path / "own", random.Random(3)
    refused = 0
    for _ in range(PLACES):
        # Damage near the beginning, where the header is, as often as anywhere.
        content = FILES[name]
        head = content[: min(160, len(content))]
        made = (
            damaged(content, generator)
            if generator.random() < 0.5
            else damaged(head, generator) + content[160:]
        )
        path.write_bytes(made)
        try:
            found = from_file(str(path)).pixels
        except Invalid:
            refused += 1
        else:
            assert 0 <= float(found.min()) <= float(found.max()) <= 1
    assert refused > PLACES / 4


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (header("[" * 4000), "no description"),
        (header("{'descr': '<f8', 'fortran_order': False, 'shape': (" + "2," * 1500 + ")}"), "too large"),
        (header("{'descr': '|O', 'fortran_order': False, 'shape': (2, 2)}"), "wanted floats"),
        (header("{'descr': [('a', '<f8')], 'fortran_order': False, 'shape': (2, 2)}"), "wanted floats"),
        (header("{'descr': '<f8', 'fortran_order': False, 'shape': (2, -2)}"), "its shape is"),
        (header("{'descr': '<f8', 'fortran_order': False, 'shape': (True, 2)}"), "its shape is"),
        (header("{'descr': '<f8', 'fortran_order': 0, 'shape': (2, 2)}"), "the order of the numbers"),
        (header("{'descr': '<f8', 'shape': (2, 2)}"), "no description"),
        (header("{[]: 1}"), "no description"),
        (header("'" + "x" * 10), "no description"),
        (header("{}", b"\x02\x00")[:10], "cut short"),
        (b"\x93NUMPY\x02\x00" + b"\xff" * 8, "its header has"),
        (b"\x93NUMPY\x09\x00" + b"\xff" * 8, "a known version"),
        (header("{'descr': '<f8', 'fortran_order': False, 'shape': (1000000, 0, 1000000)}"), "shape"),
        (npz(npy(GREY), zipfile.ZIP_LZMA), "packed in a way"),
        (npz(npy(GREY), name="other.npy"), "no array 'images'"),
        (npz(npy(GREY) + b"more"), "has more"),
    ],
)  # fmt: skip
def test_made_up_files_are_refused(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "own"
    path.write_bytes(content)
    with pytest.raises(Invalid, match=message):
        from_file(str(path))


@pytest.mark.parametrize("shape", ["(2, 2)", "(64, 1048576)"])
def test_of_an_archive_that_is_larger_than_it_looks_nothing_is_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shape: str
) -> None:
    """Whatever its header says, which may be a lie."""
    path = tmp_path / "own"
    told = f"{{'descr': '|u1', 'fortran_order': False, 'shape': {shape}}}"
    path.write_bytes(npz(header(told) + bytes(64 << 20)))
    assert path.stat().st_size < 1e5
    monkeypatch.setattr(image_files, "_LARGEST", 1 << 20)
    monkeypatch.setattr(image_files, "_npy", None)
    with pytest.raises(Invalid, match="too large"):
        from_file(str(path))
