"""Figures as files: what is written, what is said of the rest, and that no measurements are too odd."""

from __future__ import annotations

import copy
import json
import math
from pathlib import Path

import altair as alt
import numpy as np
import pandas as pd
import pytest
import vl_convert

from bench.api import load
from bench.figures import FIGURES, Tables, export
from bench.figures.axes import PERCENT
from bench.figures.captions import caption_of_run, caption_of_runs
from bench.figures.composition import chart_of, composed, on_the_sheet, records
from bench.figures.definition import Figure, with_ends
from bench.figures.estimator_style import styles
from bench.figures.export import draw
from bench.figures.figure_tables import of_a_run, of_several_runs
from bench.figures.marks import ARROW_AWAY, DATA, HOLLOW, SLIM_ARROW
from bench.page.charts import charts_of
from bench.results.columns import completed, no_rows
from bench.results.run import Run
from tests.parameters import some
from tests.runs import run_of
from tests.scene import marks, words
from tests.test_figures import SCENARIO, pixels_of
from tests.test_report import (
    CASES,
    HOSTILE,
    SIZES,
    cell,
    endless_intervals,
    everything_failed,
    hostile,
    many_estimators,
    ordinary,
    several_devices,
    single_size,
    unknown_truth,
    with_blocks,
    zero_variance,
)

OF_MEASUREMENTS = [name for name, figure in FIGURES.items() if figure.table == "measurements"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return run_of(tmp_path_factory.mktemp("files"), SCENARIO)


@pytest.fixture(scope="module")
def run(folder: Path) -> Run:
    return load(folder)


def made(measurements: pd.DataFrame, question: str = "Why?") -> Run:
    """A run of which there are measurements alone."""
    return Run(
        completed(measurements, "measurements"), no_rows("replicates"), {"scenario": {"question": question}}
    )


def sheet_of(name: str, measurements: pd.DataFrame, question: str = "Why?") -> dict:
    run = made(measurements, question)
    spec = composed(FIGURES[name], of_a_run(run), caption_of_run(run))
    assert spec is not None
    return spec


# --- what is written ------------------------------------------------------------------------------


def one_point(run: Run) -> Run:
    """The part of a run with one value of the option, and one type of numbers."""
    frame = run.measurements
    kept = frame["problem"].str.contains("0.5") & (frame["dtype"] == "float32")
    return run.of(frame[kept])


@pytest.fixture
def unpictured(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files without a picture: drawing takes most of the time, and `test_figures` draws each figure."""
    monkeypatch.setattr(export, "picture", lambda spec, _: json.dumps(spec["vconcat"]).encode())


def names_of(folder: Path, run: Run) -> list[str]:
    written, failed = draw(folder, of_a_run(run), caption_of_run(run), ("svg",), True)
    assert failed == []
    assert sorted(folder.iterdir()) == sorted(written)
    return [path.stem for path in written]


@pytest.mark.usefixtures("unpictured")
def test_every_figure_that_applies_is_written_and_nothing_else(run: Run, tmp_path: Path) -> None:
    of_several = {"changed", "means", "profile"}
    curves = {name for name in FIGURES if name.endswith("_by_option")}
    names = names_of(tmp_path / "new" / "figures", one_point(run))
    assert set(names) == set(FIGURES) - of_several - curves - {"devices"}
    assert names == [name for name in FIGURES if name in names]


@pytest.mark.slow
@pytest.mark.usefixtures("unpictured")
def test_of_a_long_sweep_there_are_curves_and_not_a_panel_for_each_point(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(export, "MOST_PROBLEMS", 2)
    found = names_of(tmp_path, run)
    curves = ["variance_by_option", "bias_by_option", "snr_by_option", "blocks_by_option"]
    assert found == ["histograms", *curves]


@pytest.mark.usefixtures("unpictured")
def test_runs_together_have_figures_of_their_own(run: Run, tmp_path: Path) -> None:
    later = {**run.record, "started": "2031-01-01T00:00:00+00:00"}
    runs = [one_point(run), Run(one_point(run).measurements, run.replicates, later)]
    written, failed = draw(tmp_path, of_several_runs(runs), caption_of_runs(runs), ("svg",), True)
    assert failed == []
    assert [path.stem for path in written] == ["changed", "budget", "means", "profile"]


@pytest.mark.slow
@pytest.mark.usefixtures("unpictured")
def test_runs_that_differ_in_a_number_are_curves_along_it(run: Run, tmp_path: Path) -> None:
    record = copy.deepcopy(dict(run.record))
    record["scenario"]["problem"]["distribution"]["normal"]["loc"] = 2.5
    runs = [one_point(run), Run(one_point(run).measurements, run.replicates, record)]
    written, _ = draw(tmp_path, of_several_runs(runs), caption_of_runs(runs), ("svg",), True)
    curves = ["variance_by_option", "bias_by_option", "snr_by_option"]
    assert [path.stem for path in written] == [*curves, "budget", "means", "profile"]


def test_a_failed_write_leaves_nothing(run: Run, tmp_path: Path) -> None:
    tables = of_a_run(one_point(run))
    written, failed = draw(tmp_path, tables, caption_of_run(run), ("nonsense",), True, ["variance"])
    assert written == []
    assert failed == ["the figure variance could not be drawn: ValueError: figures have no format 'nonsense'"]
    assert not list(tmp_path.iterdir())


@pytest.mark.usefixtures("unpictured")
def test_a_figure_that_raises_is_a_line_and_the_others_appear(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def broken(_: pd.DataFrame) -> alt.Chart:
        raise ZeroDivisionError("no such luck")

    wrong = {**vars(FIGURES["variance"]), "chart": broken}
    monkeypatch.setitem(FIGURES, "variance", Figure(**wrong))
    tables, names = of_a_run(one_point(run)), ["variance", "bias"]
    written, failed = draw(tmp_path, tables, caption_of_run(run), ("svg",), True, names)
    assert [path.stem for path in written] == ["bias"]
    assert failed == ["the figure variance could not be drawn: ZeroDivisionError: no such luck"]


def test_a_table_is_made_once_and_only_if_it_is_asked_for() -> None:
    calls: list[str] = []

    def make() -> pd.DataFrame:
        calls.append("made")
        found = pd.DataFrame()
        found.attrs["notice"] = "some"
        return found

    tables = Tables({"ratios": make})
    assert "ratios" in tables
    assert calls == []
    assert tables["ratios"].empty
    assert tables.notice("ratios") == "some"
    assert calls == ["made"]


# --- from Python ----------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_figure_of_a_run_is_a_chart_of_any_number_of_rows() -> None:
    many = pd.DataFrame([cell(f"e{i}", N, (i + 1) / N) for i in range(60) for N in range(1, 101)])
    chart = made(many).figures["variance"]
    assert isinstance(chart, alt.TopLevelMixin)
    assert sum(len(rows) for rows in chart.to_dict(validate=False)["datasets"].values()) == 6000


@pytest.mark.parametrize(("name", "told"), [("varianc", "variance"), ("devices", "nothing that the figure")])
def test_a_figure_that_is_not_there_is_refused(name: str, told: str) -> None:
    figures = made(ordinary()).figures
    assert name not in figures
    with pytest.raises(KeyError, match=told):
        figures[name]


@pytest.mark.slow
def test_the_figures_of_a_run_are_those_with_something_to_draw() -> None:
    figures = made(ordinary()).figures
    assert list(figures) == [name for name in FIGURES if name in figures]
    assert {"variance", "bias", "cost"} <= set(figures)
    assert not {"devices", "means", "scatter"} & set(figures)
    assert len(figures) == len(list(figures))
    assert "variance" in repr(figures)


# --- what is said -----------------------------------------------------------------------------------


@pytest.mark.slow
def test_what_is_not_drawn_is_said_but_absent_devices() -> None:
    assert "unavailable" not in words(sheet_of("variance", several_devices()))  # no paper is about them
    assert "not applicable (it needs N" in " ".join(words(sheet_of("variance", with_blocks())).split())
    unknown = ordinary()
    unknown.loc[unknown["estimator"] == "reinforce", "variance"] = math.nan
    assert "not drawn: reinforce: there is no number above zero" in words(sheet_of("variance", unknown))


@pytest.mark.slow
def test_values_that_have_no_place_on_the_axis_are_said_with_who_has_them() -> None:
    zero = "variance 0, which a logarithmic axis cannot show"
    said = words(sheet_of("variance", zero_variance()))
    assert f"not drawn: exact: {zero}" in said
    assert "there is no number" not in said
    some = zero_variance()
    some.loc[(some["estimator"] == "reinforce") & (some["sample_size"] == SIZES[0]), "variance"] = 0.0
    both = f"not drawn: reinforce (1 of {len(SIZES)} points) and exact: {zero}"
    assert both in " ".join(words(sheet_of("variance", some)).split())
    infinite = ordinary()
    infinite.loc[infinite["estimator"] == "reinforce", "snr"] = math.inf
    assert "not drawn: reinforce: snr infinite" in words(sheet_of("snr", infinite))
    # The control: what is drawn is not said to be missing.
    assert "not drawn" not in words(sheet_of("variance", ordinary()))


@pytest.mark.slow
def test_a_sweep_and_a_page_say_what_has_no_place() -> None:
    parts = [zero_variance().assign(problem=f"p (t = {t})") for t in (1, 2)]
    frame = pd.concat(parts, ignore_index=True)
    frame["cell"] += frame["problem"]
    frame["problem.t"] = frame["problem"].str.extract(r"= (\d)")[0].astype(float)
    note = "not drawn: exact: variance 0, which a logarithmic axis cannot show"
    assert note in words(sheet_of("variance_by_option", frame))
    charts, failed = charts_of(of_a_run(made(frame)))
    assert failed == []
    assert {c["name"]: c["notice"] for c in charts}["variance_by_option"] == note


def test_title_and_caption_fit_what_is_drawn() -> None:
    said = words(sheet_of("variance", single_size()))
    assert "Variance, by estimator" in said
    assert "A point for each estimator, at N = 100, with its 95 % interval." in said
    assert "number of samples" not in said
    assert "dotted lines" not in said
    of_evaluations = ordinary().assign(granted=ordinary()["sample_size"])
    granted = " ".join(words(sheet_of("variance", of_evaluations)).split())
    assert "Variance against evaluations of f" in granted
    assert "dotted lines that fall as one over the evaluations" in granted
    said = " ".join(words(sheet_of("variance", ordinary())).split())
    assert "Variance against the number of samples" in said
    assert "dotted lines that fall as one over N" in said


def test_a_label_that_is_shortened_is_not_called_missing() -> None:
    longer = ordinary().replace({"estimator": {"reinforce": "reinforce " * 9}})
    assert "not drawn" not in words(sheet_of("variance", longer))


def test_a_figure_names_scenario_question_replicates_and_units() -> None:
    said = words(sheet_of("cost", ordinary(), "Which wins?"))
    for phrase in (
        "gaussian: Which wins?",
        "R = 1000",
        "cpu, float32",
        "95 % interval",
        "seconds per estimate",
    ):
        assert phrase in said


def test_a_paper_has_its_own_titles() -> None:
    run = made(ordinary(), "Which wins?")
    said = words(composed(FIGURES["variance"], of_a_run(run), caption_of_run(run), titled=False))
    assert "Which wins?" not in said
    assert "R = 1000" not in said
    assert "reparameterization" in said  # the legend


def test_labels_are_text() -> None:
    said = words(sheet_of("variance", hostile()))
    assert HOSTILE[0] in said
    assert "x" * 100 not in said


def labels_of(spec: dict) -> list[str]:
    return [text for text in words(spec).split("\n") if text]


@pytest.mark.parametrize("name", some(["variance", "bias", "error"], 1))
def test_every_sample_size_is_named_in_the_same_way_in_every_figure(name: str) -> None:
    """Of powers of two each is named, not the powers of ten among them."""
    powers = pd.DataFrame([cell("a", N, 1 / N) for N in (1, 2, 4, 8, 10000)])
    said = [text.removeprefix("N = ") for text in labels_of(sheet_of(name, powers))]
    assert {"1", "2", "4", "8", "10000"} <= set(said)


def test_an_axis_of_few_powers_of_ten_has_ordinary_numbers() -> None:
    few = pd.DataFrame([cell("a", N, 1 / N) for N in (2, 4, 8)])
    assert "0.2" in labels_of(sheet_of("variance", few))
    assert "10⁻²" in labels_of(sheet_of("variance", ordinary()))


def two_options() -> pd.DataFrame:
    """A cell for each value of two options, of which k has more values."""
    cells = [
        cell("a", N, k / N, problem=f"p (k = {k}, loc = {loc})") | {"p.k": k, "p.loc": loc}
        for k in (1.0, 2.0, 4.0)
        for loc in (0.5, 1.5)
        for N in (10, 100)
    ]
    return pd.DataFrame(cells)


def test_two_options_have_a_panel_for_each_value_of_the_second() -> None:
    frame = two_options()
    run = Run(frame.assign(snr_low=0.9, snr_high=1.1), no_rows("replicates"), {"scenario": {}})
    spec = composed(FIGURES["variance_by_option"], of_a_run(run), caption_of_run(run))
    said = words(spec)
    for panel in ("loc = 0.5 · N = 10", "loc = 0.5 · N = 100", "loc = 1.5 · N = 10", "loc = 1.5 · N = 100"):
        assert panel in said
    assert "k or" not in said
    (charts,) = (part for part in spec["vconcat"][0]["vconcat"] if "concat" in part)
    assert charts["columns"] == 2  # a row for each value of the second option


def test_a_percent_is_a_right_number() -> None:
    values = [{"share": share} for share in (0.0, 0.025, 0.05, 0.1)]
    axis = alt.Axis(labelExpr=PERCENT, values=[0, 0.025, 0.05, 0.1])
    chart = alt.Chart(alt.InlineData(values)).mark_point().encode(alt.X("share:Q", axis=axis))
    said = words(chart.to_dict()).split("\n")
    assert [text for text in said if text.endswith("%")] == ["0 %", "2.5 %", "5 %", "10 %"]


# --- how estimators look ----------------------------------------------------------------------------


@pytest.mark.slow
def test_more_estimators_than_colors_are_said() -> None:
    some = pd.DataFrame([cell(f"e{i}", N, (i + 1) / N) for i in range(12) for N in SIZES])
    assert "estimators have" not in words(sheet_of("variance", some))
    said = " ".join(words(sheet_of("variance", many_estimators())).split())
    assert "25 estimators have 12 colors: those of one color differ in shape and dashes" in said


def test_twelve_estimators_differ_in_color_and_in_what_a_print_without_colors_shows() -> None:
    twelve = list(styles(map(str, range(12))).values())
    assert len({style.color for style in twelve}) == 12
    assert len({(style.shape, style.dashes) for style in twelve}) == 12


def test_looks_differ_for_very_many_estimators() -> None:
    assert len(set(styles(map(str, range(300))).values())) == 300


def colors_of(spec: dict) -> dict[str, str]:
    """Label -> color, of all scales of estimators in a specification."""
    found: dict[str, str] = {}

    def walk(part: object) -> None:
        if isinstance(part, list):
            for each in part:
                walk(each)
        if isinstance(part, dict):
            if part.get("field") == "estimator" and "scale" in part and part["scale"]["range"][0][:1] == "#":
                pairs = zip(part["scale"]["domain"], part["scale"]["range"], strict=True)
                for label, color in pairs:
                    assert found.setdefault(label, color) == color
            for each in part.values():
                walk(each)

    walk(spec)
    return found


def test_an_estimator_looks_alike_in_every_figure() -> None:
    frame = ordinary()
    wanted = {label: look.color for label, look in styles(frame["estimator"]).items()}
    for name in ("variance", "bias", "error", "cost", "work_normalized_variance"):
        assert colors_of(sheet_of(name, frame)) == wanted, name
    frame.loc[frame["estimator"] == "reinforce", "status"] = "error"
    del wanted["reinforce"]
    assert colors_of(sheet_of("variance", frame)) == wanted


# --- intervals that have no place on an axis --------------------------------------------------------


def test_ends_without_a_place_are_the_edge_of_the_axis() -> None:
    low = [0.5, -1.0, math.nan, 1e-9, 0.5]
    high = [2.0, 2.0, math.nan, 2.0, math.inf]
    rows = pd.DataFrame({"y": [1.0, 1.0, 4.0, 1.0, 1.0], "low": low, "high": high})
    found = with_ends(rows, ("y", "low", "high"), logarithmic=True)
    assert found["lower"].tolist() == pytest.approx([0.5, 0.5 / 1.5, 4.0, 0.5 / 1.5, 0.5])
    assert found["upper"].tolist() == pytest.approx([2.0, 2.0, 4.0, 2.0, 6.0])
    assert found["below"].tolist() == [False, True, False, True, False]
    assert found["above"].tolist() == [False] * 4 + [True]
    linear = with_ends(rows, ("y", "low", "high"), logarithmic=False)
    assert linear["lower"].tolist() == [0.5, -1.0, 4.0, 1e-9, 0.5]
    assert not linear["below"].any()
    assert linear["upper"].iloc[4] > 4


def test_an_endless_interval_has_arrows_at_both_edges() -> None:
    name, frame = "bias", endless_intervals()
    spec = sheet_of(name, frame)
    arrows = [item for item in marks(spec, "symbol") if str(item["shape"]).startswith("triangle-")]
    ends = [item for item in arrows if item["size"] == 45]
    assert sum(item["shape"] == "triangle-down" for item in ends) == len(frame)
    assert sum(item["shape"] == "triangle-up" for item in ends) == len(frame)
    places = {shape: {round(item["y"]) for item in ends if item["shape"] == shape}
              for shape in ("triangle-down", "triangle-up")}  # fmt: skip
    assert {len(each) for each in places.values()} == {1}
    assert min(places["triangle-down"]) > max(places["triangle-up"])
    assert not [item for item in marks(sheet_of(name, ordinary()), "symbol") if item["size"] == 45]


@pytest.mark.slow
def test_an_open_interval_is_an_arrow_beside_its_point_and_no_wedge_to_the_edge() -> None:
    frame = ordinary()
    middle = (frame["estimator"] == "reinforce") & (frame["sample_size"] == SIZES[2])
    frame.loc[middle, "variance_high"] = math.inf
    spec, plain = sheet_of("variance", frame), sheet_of("variance", ordinary())
    (arrow,) = [item for item in marks(spec, "symbol") if item["size"] == SLIM_ARROW]
    points = [item for item in marks(spec, "symbol") if item["size"] == HOLLOW["size"]]
    assert len(points) == len(frame)
    beneath = [abs(item["y"] - arrow["y"] - ARROW_AWAY) for item in points if item["x"] == arrow["x"]]
    assert min(beneath) < 0.1
    # The band has a gap there, and the axis reaches no further than without.
    areas = [item for item in marks(spec, "area") if not item.get("defined", True)]
    assert {item["x"] for item in areas} == {arrow["x"]}
    assert len(areas) == 1
    highest = min(item["y"] for item in marks(plain, "symbol"))
    assert min(item["y"] for item in points) == pytest.approx(highest, abs=0.1)
    # What is known of the interval is a line down from the point.
    (line,) = [item for item in marks(spec, "rule") if abs(item["y"] - item["y2"]) > 0.1]
    assert min(line["y"], line["y2"]) == pytest.approx(arrow["y"] + ARROW_AWAY)
    note = "an arrow: on that side the interval is infinite, or reaches beyond a factor of 1000"
    assert note in " ".join(words(spec).split())
    assert "an arrow" not in words(plain)


# --- odd measurements -------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("name", OF_MEASUREMENTS)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_no_measurements_are_too_odd(name: str, case) -> None:
    figure, run = FIGURES[name], made(case())
    about = caption_of_run(run)
    rows = on_the_sheet(figure, of_a_run(run), about)
    if len(rows):
        assert composed(figure, of_a_run(run), about)
        assert np.isfinite(rows[figure.interval[0]]).all()
    else:
        nothing = (everything_failed, unknown_truth) if name == "bias" else (everything_failed,)
        of_blocks = ("blocks", "by_parameter", "blocks_by_option")
        assert name in of_blocks or case in nothing or case.__name__ == "only_zero_variance"


@pytest.mark.parametrize("name", ["variance", "work_normalized_variance"])
def test_of_a_single_sample_size_there_are_points_by_name(name: str) -> None:
    run = made(single_size())
    rows = FIGURES[name].drawn(of_a_run(run))
    spec = {**chart_of(FIGURES[name], rows), "datasets": {DATA: records(rows)}}
    assert len(marks(spec, "symbol")) == len(rows) == 3
    assert not marks(spec, "line")


def test_points_are_as_many_as_cells() -> None:
    rows = FIGURES["variance"].drawn(of_a_run(made(ordinary())))
    spec = {**chart_of(FIGURES["variance"], rows), "datasets": {DATA: records(rows)}}
    assert len(marks(spec, "symbol")) == 3 * len(SIZES)
    assert len({round(item["x"], 3) for item in marks(spec, "symbol")}) == len(SIZES)


def test_the_margin_of_a_signed_bias_lies_on_either_side_of_zero() -> None:
    rows = FIGURES["bias"].drawn(of_a_run(made(ordinary())))
    assert (rows["share_low"] < 0).any()
    spec = {**chart_of(FIGURES["bias"], rows), "datasets": {DATA: records(rows)}}
    (margin,) = marks(spec, "rect")
    place = pixels_of(FIGURES["bias"], rows, spec)
    edges = [margin["y"], margin["y"] + margin["height"]]
    assert edges == pytest.approx(list(place([0.01, -0.01])), abs=0.1)


# --- what is seen of lines, lanes and fronts ------------------------------------------------------


def in_cielab(color: str) -> np.ndarray:
    """A color in CIELAB, where distances are about those that are seen."""
    rgb = np.array([int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    linear = np.where(rgb > 0.04045, ((rgb + 0.055) / 1.055) ** 2.4, rgb / 12.92)
    to_xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    x, y, z = np.cbrt(to_xyz @ linear / np.array([0.9505, 1, 1.089]))
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def test_the_same_dashes_have_colors_that_are_far_apart() -> None:
    twelve = list(styles(map(str, range(12))).values())
    alike = [(a, b) for a in twelve for b in twelve if a.color < b.color and a.dashes == b.dashes]
    assert len(alike) == 9
    far = [np.linalg.norm(in_cielab(a.color) - in_cielab(b.color)) for a, b in alike]
    assert min(far) > 50  # blue and sky blue are 26 apart


def legends_of(spec: dict) -> list[dict]:
    """The symbols of all legends."""
    found: list[dict] = []

    def walk(node: dict, inside: bool) -> None:
        inside = inside or node.get("role") == "legend-symbol"
        for item in node.get("items", ()):
            if inside and node.get("marktype") == "symbol":
                found.append(item)
            walk(item, inside)

    walk(vl_convert.vegalite_to_scenegraph(spec, vl_version="6.4")["scenegraph"], False)
    return found


def test_a_legend_shows_dashes_as_lines_and_shapes_without_them() -> None:
    symbols = legends_of(sheet_of("variance", ordinary()))
    lines = [item for item in symbols if item["shape"] == "stroke"]
    looks = styles(ordinary()["estimator"]).values()
    assert [item["strokeDash"] for item in lines[: len(looks)]] == [list(look.dashes) for look in looks]
    shapes = [item for item in symbols if item["shape"] != "stroke"]
    assert [item["shape"] for item in shapes] == [look.shape for look in looks]
    assert not any("strokeDash" in item for item in shapes)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["changed", "ratios"])
def test_lanes_of_several_types_of_numbers_are_named(name: str, run: Run) -> None:
    runs = [run, Run(run.measurements, run.replicates, {**run.record, "started": "2031-01-01"})]
    tables = {**of_several_runs(runs), **of_a_run(run)}
    rows = FIGURES[name].drawn(tables)
    rows = rows[(rows["problem"] == rows["problem"].iloc[0]) & (rows["metric"] == "variance")]
    spec = {**chart_of(FIGURES[name], rows), "datasets": {DATA: records(rows)}}
    said = [item["text"] for item in marks(spec, "text")]
    assert said.count("float32") == said.count("float64") == len(rows) / 2


def test_a_front_without_a_point_on_the_axis_leaves_an_axis_with_ends() -> None:
    frame = pd.concat([ordinary(), zero_variance().query("estimator == 'exact'").assign(seconds=1e-9)])
    rows = FIGURES["cost"].drawn(of_a_run(made(frame)))
    rows = rows[(rows["cost"] == "seconds") & (rows["variance"] > 0) & ~rows["front"]]
    assert len(rows)
    front = chart_of(FIGURES["cost"], rows)["layer"][0]
    assert "transform" not in front  # a filter would leave no rows, and an infinite extent
    spec = {**chart_of(FIGURES["cost"], rows), "datasets": {DATA: records(rows)}}
    assert {item["strokeOpacity"] for item in marks(spec, "line") if item["strokeWidth"] == 4} == {0}
