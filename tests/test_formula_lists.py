"""Coordinates, slices, named constants, dot products and tables mean what numpy makes of the same text."""

from __future__ import annotations

import copy
import math
import pickle
from typing import Any

import numpy as np
import pytest
import torch
from flint import acb, arb
from hypothesis import event, given, reject, settings
from hypothesis import strategies as st
from torch import Tensor

from bench.errors import Invalid
from bench.formula import Formula, Range, parse
from bench.formula.balls import enclosure
from bench.formula.products import Parts
from tests.test_formula import Number

LET: dict[str, Any] = {
    "k": 1.25,
    "w": [1.5, -0.75, 0.5],
    "u": [0.25, 2.0],
    "A": [[1.0, -0.5, 0.25], [2.0, 0.0, -1.0], [0.5, 1.5, 3.0]],
    "B": [[0.5, 1.0, 0.0], [0.0, 0.0, -2.0]],
    "f": [1.5, -0.5, 0.25, 3.0],
    "T": [[1.0, 2.0, 3.0, 4.0], [0.5, -1.0, 2.5, 0.0], [3.0, 1.0, -2.0, 1.0], [0.0, 0.5, 1.0, -0.5]],
}
DIMENSIONS = 3
VALUES = np.array([[2.0, 0.0, 1.0], [1.0, 3.0, 2.0], [0.0, 1.0, 3.0], [3.0, 2.0, 0.0], [1.0, 1.0, 1.0]])
WHOLE = Range(0, 3, True)


class Table(np.ndarray):
    """An array that has entries at whole numbers, though they may be floating-point numbers."""

    def __getitem__(self, places: Any) -> Any:
        several = places if isinstance(places, tuple) else (places,)
        if any(isinstance(each, slice) for each in several):
            return self.view(np.ndarray)[places]
        whole = tuple(np.asarray(each).astype(int) for each in several)
        return self.view(np.ndarray)[whole]


def by_numpy(text: str, z: np.ndarray) -> float:
    """The value that Python and numpy give the same text at one sample, `[D]`."""
    names: dict[str, Any] = {name: getattr(np, name) for name in ("exp", "log", "sin", "cos", "tanh", "sqrt")}
    names |= {"abs": np.abs, "sum": np.sum, "mean": np.mean, "dot": np.dot, "pi": math.pi, "e": math.e}
    names["sigmoid"] = lambda x: 1 / (1 + np.exp(-x))
    names |= {name: np.array(value).view(Number) for name, value in LET.items()}
    names |= {name: np.array(LET[name]).view(Table) for name in ("f", "T")} | {"z": z.view(Number)}
    with np.errstate(all="ignore"):
        return float(eval(text, {"__builtins__": {}}, names))


def used(text: str) -> dict[str, Any]:
    return {name: value for name, value in LET.items() if name in text}


def formula_of(text: str, dimensions: int = DIMENSIONS) -> Formula:
    formula = parse(text, used(text))
    formula.check(dimensions, WHOLE)
    return formula


WRITTEN = [
    "z[0]",
    "z[-1] + 2*z[1]",
    "z[0]**2 + 3*z[1]",
    "sum(z[1:3])",
    "sum(z[:-1]*z[1:])",
    "mean(z[-2:])",
    "sum(w*z)",
    "sum((z - w)**2)",
    "sum(w*(z - 1)**2)",
    "dot(w, z) - dot(z, w)/3",
    "sum(dot(A, z))",
    "dot(z, dot(A, z))",
    "dot(dot(z, A), z)",
    "dot(z - w, dot(A, z - w))",
    "sum(dot(B, z)*u)",
    "dot(u, dot(B, z))",
    "dot(u, z[1:])",
    "dot(A, z)[0] + dot(B, z)[1]",
    "(2*z + w)[-1]",
    "w[0]*z[w[2] + 0.5]",
    "A[0, 1]*z[0] + A[2][0]*z[1] + dot(A[1], z) + dot(A[:, 0], z)",
    "sum(f[z])",
    "f[z[0]]*f[z[1]]",
    "T[z[0], z[1]] + sum(T[z, z])",
    "f[z[0] > 1] + f[abs(z[0] - z[1])] + T[2, z[2]] + T[-1, z[0]]",
    "sum(f[z]*w) + dot(w, f[z])",
    "exp(-dot(z, z)/9) + k",
    "sum(sin(w*z) > 0)",
    "z[0]²*dot(w, z)² + f[z[0]]²",
    "sum(w)*z[0] + mean(dot(A, w))*dot(w, w)",
    "sum(z/w) + dot(z, w)/k",
    "1/(1 + dot(dot(A, z), dot(A, z)))",
]


@pytest.mark.parametrize("text", WRITTEN)
def test_a_vector_is_worth_what_numpy_says(text: str) -> None:
    formula = formula_of(text)
    plain = text.replace("²", "**2").replace("z[w[2] + 0.5]", "z[1]")
    expected = [by_numpy(plain, row) for row in VALUES]
    z = torch.from_numpy(VALUES)
    assert formula(z, 1).tolist() == pytest.approx(expected, rel=1e-12)
    assert formula(z.reshape(5, 1, 3), 1).shape == (5, 1)
    # Other samples do not matter, nor the type but for rounding.
    assert formula(z.float(), 1).dtype == torch.float32
    assert formula(z.float(), 1).tolist() == pytest.approx(expected, rel=1e-4, abs=1e-4)


@pytest.mark.parametrize(
    ("text", "dimensions"), [("sum(w*cos(w*z))", 0), ("dot(w, w*z)", 0), ("f[z]*z", 0), ("dot(A, w)[1]*z", 0)]
)
def test_a_number_may_meet_lists(text: str, dimensions: int) -> None:
    formula = formula_of(text, dimensions)
    z = torch.from_numpy(VALUES[:, 0])
    assert formula(z, 0).tolist() == pytest.approx([by_numpy(text, value) for value in VALUES[:, 0]])
    split = formula.split(0)
    assert split is not None
    assert torch.equal(split.terms(z), formula(z, 0))


@pytest.mark.parametrize(
    "text", [text for text in WRITTEN if not {"f[", "T[", ">"} & {text[i : i + 2] for i in range(len(text))}]
)
def test_the_gradient_is_that_of_finite_differences(text: str) -> None:
    formula = formula_of(text)
    z = torch.tensor([[0.7, -0.4, 1.3], [0.2, 0.9, -0.6]], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: formula(x, 1), (z,), atol=1e-6)


def test_a_table_has_no_slope() -> None:
    z = torch.ones(2, 3, dtype=torch.float64, requires_grad=True)
    assert not formula_of("sum(f[z])")(z, 1).requires_grad


# --- splitting, which Rao-Blackwellized estimators and truths rest on ------------------------------

SPLIT = {
    "z[0]**2 + 3*z[1]": 0.0,
    "sum((z - w)**2) + 4": 4.0,
    "dot(w, z)": 0.0,
    "dot(u, dot(B, z)) - 2": -2.0,
    "sum(dot(A, z))/k": 0.0,
    "dot(z - w, z - w)": 0.0,
    "sum(w*z + z**2) + sum(w)": 1.25,
    "dot(A, sin(z))[1]*2": 0.0,
    "sum(f[z]) + f[z[2]]": 0.0,
    "exp(sum(w*z[1]))": 0.0,
    "sum(z - mean(z)) + z[0]": 0.0,
    "7 + 0*z[1]": 0.0,
    "mean(z[1:]) - (z[0] > 1)*k": 0.0,
}


@pytest.mark.parametrize("text", SPLIT)
def test_a_cost_of_coordinates_is_taken_apart(text: str) -> None:
    formula = formula_of(text)
    split = formula.split(DIMENSIONS)
    assert split is not None
    assert split.constant == pytest.approx(SPLIT[text], abs=1e-15)
    z = torch.from_numpy(VALUES)
    terms = split.terms(z)
    assert terms.shape == z.shape
    assert torch.allclose(split.constant + terms.sum(-1), formula(z, 1), rtol=1e-13, atol=1e-13)
    # Each term is of its own coordinate, and the same as the function of a number.
    for d, (factor, g) in enumerate(split.summands):
        assert torch.allclose(factor * g(z[:, d]), terms[:, d], rtol=1e-13, atol=1e-13)
        moved = z.clone()
        moved[:, d] = 3 - moved[:, d]
        others = [i for i in range(DIMENSIONS) if i != d]
        assert torch.equal(split.terms(moved)[:, others], terms[:, others])


@pytest.mark.parametrize(
    "text",
    ["z[0]*z[1]", "dot(z, dot(A, z))", "f[z[0] > z[1]]", "T[z[0], z[1]]", "exp(dot(w, z))", "sum(z*z[0])"],
)
def test_what_couples_coordinates_is_not_taken_apart(text: str) -> None:
    assert formula_of(text).split(DIMENSIONS) is None


def test_functions_that_are_the_same_are_integrated_once() -> None:
    split = formula_of("sum(w*(z - 1)**2)").split(DIMENSIONS)
    assert split is not None
    assert len({g for _, g in split.summands}) == 1
    assert [factor for factor, _ in split.summands] == LET["w"]


def of_parts(parts: Parts, z: Tensor) -> Tensor:
    """The cost that is multiplied out, `[N, D] -> [N]`."""
    found = torch.full_like(z[:, 0], parts.constant)
    for d, (factor, g) in enumerate(parts.summands):
        found = found + factor * g(z[:, d])
    for weight, factors in parts.products:
        product = torch.full_like(found, weight)
        for factor in factors:
            several = len(factor.coordinates) > 1
            where = list(factor.coordinates) if several else factor.coordinates[0]
            product = product * factor.term.value(z[:, where], 0)
        found = found + product
    return found


@pytest.mark.parametrize(
    "text", [*WRITTEN, "sum(z)**4", "exp(z[0]*z[1] + dot(w, z) - k)", "(z[0]/z[2])**3*w[0]"]
)
def test_nothing_is_lost_where_a_cost_is_multiplied_out(text: str) -> None:
    formula = formula_of(text)
    z = torch.from_numpy(VALUES)
    parts = formula.parts(DIMENSIONS)
    assert parts is not None
    wanted = formula(z, 1)
    there = wanted.isfinite()
    assert torch.allclose(of_parts(parts, z)[there], wanted[there], rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize(
    ("text", "most"),
    [
        ("dot(z, dot(A, z))", 1),
        ("sum(z)**3", 1),
        ("exp(-dot(z, z))", 1),
        ("(z[0] > 0)*(z[1] > 0)", 1),
        ("sin(z[0]*z[1])*z[2]", 2),
        ("sin(sum(z))", 3),
        ("(z[0] + z[1])**0.5", 2),
    ],
)
def test_only_what_is_coupled_stays_together(text: str, most: int) -> None:
    parts = formula_of(text).parts(DIMENSIONS)
    assert parts is not None
    assert max(len(factor.coordinates) for _, factors in parts.products for factor in factors) == most


def test_too_many_products_stay_one() -> None:
    formula = parse("sum(z)**8")
    formula.check(60)
    parts = formula.parts(60)
    assert parts is not None
    ((weight, (factor,)),) = parts.products
    assert (weight, len(factor.coordinates)) == (1.0, 60)


# --- random formulas ------------------------------------------------------------------------------

numbers = st.sampled_from(["0.5", "2", "(-1.5)", "k", "w[0]", "A[1, 2]", "dot(w, w)"])
ops = st.sampled_from([" + ", " - ", "*", "/"])
named = st.sampled_from(["sin", "tanh", "exp", "sigmoid", "abs"])
lists = st.deferred(
    lambda: st.one_of(
        st.sampled_from(["z", "w", "f[z]", "A[0]", "dot(A, w)"]),
        st.builds("dot(A, {})".format, lists),
        st.builds("({}{}{})".format, lists, ops, st.one_of(lists, scalars, numbers)),
        st.builds("{}({})".format, named, lists),
        st.builds("({} > {})".format, lists, st.one_of(lists, numbers)),
    )
)
pairs = st.deferred(
    lambda: st.one_of(
        st.sampled_from(["z[1:]", "z[:2]", "z[-2:]", "u", "w[0:2]"]),
        st.builds("dot(B, {})".format, lists),
        st.builds("({}{}{})".format, pairs, ops, pairs),
    )
)
scalars = st.deferred(
    lambda: st.one_of(
        st.sampled_from(["z[0]", "z[-1]", "z[1]", "f[z[0]]", "T[z[2], z[0]]"]),
        st.builds("{}({})".format, st.sampled_from(["sum", "mean"]), st.one_of(lists, pairs)),
        st.builds("dot({}, {})".format, lists, lists),
        st.builds("dot({}, {})".format, pairs, pairs),
        st.builds("{}[{}]".format, lists, st.sampled_from(["0", "-1", "2"])),
        st.builds("({}{}{})".format, scalars, ops, st.one_of(scalars, numbers)),
        st.builds("({})**{}".format, scalars, st.sampled_from(["2", "3"])),
    )
)


def accepted(text: str) -> Formula:
    """The formula, unless a part of it without z is not finite, or it is nested too deep or too long."""
    try:
        return formula_of(text)
    except Invalid as refusal:
        reason = str(refusal)
    assert any(words in reason for words in ("finite", "more than 50", "at most 1000")), (text, reason)
    return reject()


@pytest.mark.slow
@settings(max_examples=40, deadline=None, derandomize=True)
@given(scalars)
def test_random_formulas_agree_with_numpy(text: str) -> None:
    formula = accepted(text)
    z = torch.from_numpy(VALUES)
    ours = formula(z, 1).numpy()
    theirs = np.array([by_numpy(text, row) for row in VALUES])
    size = 1 + np.abs(np.nan_to_num(theirs, nan=0, posinf=0, neginf=0)).max()
    settled = np.isfinite(theirs) & (np.abs(theirs) < 1e8)
    event("compared" if settled.any() else "not compared")
    if ">" not in text:  # where rounding may decide
        np.testing.assert_allclose(ours[settled], theirs[settled], rtol=1e-8, atol=1e-9 * size)
    for take in (formula.split(DIMENSIONS), formula.parts(DIMENSIONS)):
        if take is None:
            continue
        again = take.constant + take.terms(z).sum(-1) if hasattr(take, "terms") else of_parts(take, z)
        there = torch.from_numpy(settled) & again.isfinite()
        assert torch.allclose(again[there], formula(z, 1)[there], rtol=1e-6, atol=1e-7 * size)


@pytest.mark.slow
@settings(max_examples=30, deadline=None, derandomize=True)
@given(scalars)
def test_balls_hold_the_values_of_random_formulas(text: str) -> None:
    formula = accepted(text)
    balls = enclosure(formula.of_coordinates(DIMENSIONS))
    for row, value in zip(VALUES, formula(torch.from_numpy(VALUES), 1).tolist(), strict=True):
        if math.isfinite(value) and abs(value) < 1e8 and ">" not in text:
            # About the sample, within a box that holds more than it.
            found = balls([acb(arb(x, 1e-3)) for x in row.tolist()], None).real
            assert found.overlaps(arb(value, 1e-8 * (1 + abs(value)))) or not found.is_finite()


# --- what is none ---------------------------------------------------------------------------------

CONTINUOUS = Range()
REFUSED: list[tuple[str, dict[str, Any], int, Range, str]] = [
    ("z[3]", {}, 3, CONTINUOUS, "'3' at character 3: z has 3 dimensions: wanted 0 to 2, or −1 to −3"),
    ("sum(z) + z[-4]", {}, 3, CONTINUOUS, "'-4' at character 12: z has 3 dimensions"),
    ("z[1e300]", {}, 3, CONTINUOUS, "z has 3 dimensions"),
    ("z[0]", {}, 0, CONTINUOUS, "'z[0]' at character 1: z is a number here"),
    ("sum(z[5:])", {}, 3, CONTINUOUS, "'5:' at character 7: nothing is left: there are 3"),
    ("dot(w, z)", {"w": [1.0, 2.0]}, 3, CONTINUOUS, "character 1: w has 2 numbers, and z has 3 numbers"),
    ("dot(A, z)[0]", {"A": [[1.0, 2.0]]}, 3, CONTINUOUS, "A has 1 row of 2 numbers, and z has 3 numbers"),
    ("sum(w*z)", {"w": [1.0, 2.0]}, 3, CONTINUOUS, "'w*z' at character 5: w has 2 numbers, and z has 3"),
    ("sum(z[1:] + z)", {}, 3, CONTINUOUS, "z[1:] has 2 numbers, and z has 3 numbers"),
    ("sum(A*z)", {"A": [[1.0, 2.0], [3, 4]]}, 2, CONTINUOUS, "a product of rows and a list is dot(A, z)"),
    ("sum(A)", {"A": [[1.0, 2.0], [3, 4]]}, 2, CONTINUOUS, "sum runs over one list, and this is 2 rows of 2"),
    ("dot(z, 2)", {}, 2, CONTINUOUS, "'2' at character 8: a number; dot is of lists"),
    ("dot(z, z)", {}, 0, CONTINUOUS, "'z' at character 5: z is a number here; dot is of lists"),
    ("dot(w)", {"w": [1.0]}, 1, CONTINUOUS, "dot takes two arguments"),
    ("w*z", {"w": [1.0, 2.0]}, 2, CONTINUOUS, "one number per sample, and z is a vector: use sum(...)"),
    ("w*z", {"w": [1.0, 2.0]}, 0, CONTINUOUS, "one number per sample, and this has 2 numbers: use sum(...)"),
    ("dot(A, z)", {"A": [[1.0, 2.0]]}, 2, CONTINUOUS, "one number per sample, and this has 1 number: use"),
    ("w + z[0]", {"w": 1.0, "A": [[1.0]]}, 0, CONTINUOUS, "z is a number here"),
    ("f[z]", {"f": [1.0, 2.0]}, 0, CONTINUOUS, "this need not be one: z is of a continuous distribution"),
    ("f[z/2]", {"f": [1.0, 2.0]}, 0, Range(0, 1, True), "a place in a table is a whole number"),
    (
        "f[z]",
        {"f": [1.0, 2.0]},
        0,
        Range(0, 2, True),
        "it goes from 0 to 2, and f has 2 entries: wanted 0 to 1",
    ),
    ("f[z]", {"f": [1.0, 2.0]}, 0, Range(0, math.inf, True), "from 0 to any number, and f has 2 entries"),
    ("f[z - 1]", {"f": [1.0, 2.0]}, 0, Range(0, 1, True), "it goes from -1 to 0"),
    ("f[sum(z)]", {"f": [1.0, 2.0]}, 2, Range(0, 1, True), "it goes from 0 to 2"),
    ("f[dot(w, z)]", {"f": [1.0, 2.0], "w": [1.0, -1.0]}, 2, Range(0, 1, True), "it goes from -2 to 2"),
    (
        "T[z[0]]",
        {"T": [[1.0, 2.0]]},
        2,
        Range(0, 1, True),
        "T is a table with 2 axes, and needs a place in each",
    ),
    ("T[z[0], 2]", {"T": [[1.0, 2.0], [3, 4]]}, 2, Range(0, 1, True), "T has 2 numbers: wanted 0 to 1"),
    ("f[z, z]", {"f": [1.0, 2.0]}, 0, Range(0, 1, True), "f is one list, and 2 places are given"),
    ("k[0]", {"k": 3.0}, 0, CONTINUOUS, "k is a number, and has no parts"),
    (
        "z[0]*sum(v*z)",
        {"w": [1.0], "vv": [1.0]},
        2,
        CONTINUOUS,
        "'v' at character 10: unknown name; did you mean 'vv'",
    ),
    ("w(z)", {"w": [1.0]}, 1, CONTINUOUS, "a call of what is no function; a product is written with *"),
    ("w @ z", {"w": [1.0]}, 1, CONTINUOUS, "a product of rows and a list is written dot(A, z)"),
    ("sum(w/(w - w))*z", {"w": [1.0, 2.0]}, 0, CONTINUOUS, "not all of its numbers are finite"),
    ("sum(log(w))*z", {"w": [1.0, -2.0]}, 0, CONTINUOUS, "not all of its numbers are finite"),
    ("sum(1e300*w*1e300)*z", {"w": [1.0, 2.0]}, 0, CONTINUOUS, "not all of its numbers are finite"),
]


@pytest.mark.parametrize(("text", "let", "dimensions", "values", "fragment"), REFUSED)
def test_nothing_else_is_a_formula_of_lists(
    text: str, let: dict[str, Any], dimensions: int, values: Range, fragment: str
) -> None:
    with pytest.raises(Invalid) as refusal:
        parse(text, let).check(dimensions, values)
    assert fragment in str(refusal.value)


CONSTANTS: list[tuple[Any, tuple[str | int, ...], str]] = [
    ({"z": 1}, ("z",), "z is the variable of every formula"),
    ({"sum": [1]}, ("sum",), "sum is a function of every formula"),
    ({"dot": [1]}, ("dot",), "dot is a function"),
    ({"pi": 3}, ("pi",), "pi is a number of every formula"),
    ({"2x": 3}, ("2x",), "wanted a name of letters, digits and _"),
    ({"ω": 3}, ("ω",), "wanted a name of letters"),
    ({"w": []}, ("w",), "the list is empty"),
    ({"w": [1, [2]]}, ("w", 0), ""),
    ({"w": [[1, 2], [3]]}, ("w", 1), "row 1 has 1 number, and row 0 has 2 numbers"),
    ({"w": [[], []]}, ("w", 0), "row 0 is empty; wanted a list of numbers"),
    ({"w": [[[1]]]}, ("w", 0, 0), "lists are nested twice at most"),
    ({"w": [1, "2"]}, ("w", 1), "wanted a number, got '2'"),
    ({"w": [1, None]}, ("w", 1), "wanted a number, got None"),
    ({"w": True}, ("w",), "wanted a number, got True"),
    ({"w": [1, math.nan]}, ("w", 1), "wanted a finite number, got nan"),
    ({"w": -math.inf}, ("w",), "wanted a finite number"),
    ({"w": 10**400}, ("w",), "wanted a finite number"),
    ({"w": {"a": 1}}, ("w",), "wanted a number, got {'a': 1}"),
    ([1], (), "wanted constants as {name: number, list or rows}"),
]


@pytest.mark.parametrize(("let", "path", "fragment"), CONSTANTS)
def test_what_is_no_constant_is_refused_where_it_stands(
    let: Any, path: tuple[str | int, ...], fragment: str
) -> None:
    with pytest.raises(Invalid) as refusal:
        parse("z", let)
    (fault,) = refusal.value.faults
    assert fragment in fault.message
    assert fault.path == path if fragment else fault.path[:1] == path[:1]


def test_constants_that_nothing_names_are_told() -> None:
    assert parse("dot(w, z)", {"w": [1], "v": 2}).unused == ["v"]


def test_a_formula_with_constants_is_copied_whole() -> None:
    formula = parse("dot(w, z)", {"w": [1.0, 2.0]})
    z = torch.ones(2, 2)
    for twin in (pickle.loads(pickle.dumps(formula)), copy.deepcopy(formula)):
        assert twin == formula != parse("dot(w, z)", {"w": [1.0, 3.0]})
        assert twin(z, 1).tolist() == [3.0, 3.0]


TEXT = st.lists(
    st.sampled_from(
        ["z", "w", "f", "A", "[", "]", "0", "-1", ":", ",", "dot(", "sum(", ")", "+", "*", "²", "(", " "]
    ),
    max_size=25,
).map("".join)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.one_of(TEXT, st.text("zwfA[]:,()0-1+*", max_size=30)), st.sampled_from([0, 1, 3]))
def test_any_text_is_a_formula_of_its_dimensions_or_refused(text: str, dimensions: int) -> None:
    let = {"w": [1.0, 2.0, 3.0], "f": [1.0, 2.0], "A": [[1.0, 2.0, 3.0], [4, 5, 6], [7, 8, 9]]}
    try:
        formula = parse(text, let)
        formula.check(dimensions, Range(0, 1, True))
    except Invalid:
        event("refused")
        return
    event("a formula")
    z = torch.ones(2, *[dimensions][: min(dimensions, 1)], dtype=torch.float64)
    assert formula(z, int(dimensions > 0)).shape == (2,)
