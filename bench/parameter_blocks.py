"""Blocks of a flat vector of parameters: one for each name, and for names that begin alike."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from bench.errors import invalid


def blocks_by_name(sizes: Mapping[str, int]) -> dict[str, slice]:
    """The places of parameters that lie one behind the other, by name, each parent in front of its parts.

    A parent is what names begin with up to a dot. It is a block where its parameters lie side by side, are
    several, and are not all.

    Raises:
        Invalid: if one of them is called all, as is the row of the whole vector.
    """
    return dict(_blocks(sizes))


def _blocks(sizes: Mapping[str, int]) -> Iterator[tuple[str, slice]]:
    places: dict[str, list[slice]] = {}
    start = 0
    for name, size in sizes.items():
        words = name.split(".")
        for depth in range(1, len(words) + 1):
            places.setdefault(".".join(words[:depth]), []).append(slice(start, start + size))
        start += size
    for name, slices in places.items():
        first, last = slices[0].start, slices[-1].stop
        together = sum(one.stop - one.start for one in slices) == last - first
        if name == "all":
            raise invalid(
                "a parameter or a submodule is called all, as is the row of all of theta; rename it"
            )
        if last > first and together and (name in sizes or (len(slices) > 1 and last - first < start)):
            yield name, slice(first, last)
