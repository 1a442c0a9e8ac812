"""A notebook: what a run shows there, pictures without network, and those of the documentation."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

import bench
from bench.page.notebook import in_notebook
from bench.progress import NotebookProgress
from bench.regression.verdicts import Report
from bench.scenario.prepared import prepare

ROOT = Path(__file__).parent.parent
REFERENCE = ROOT / "results" / "reference"
NOTEBOOKS = {
    "from_python": ("gaussian.html", 100),
    "own-model": ("my_vae.html", 30),
    "own-loss": ("my_losses.html", 20),
}
"""Those of the documentation: the page that each writes, and how many numbers are compared at least."""

OFFLINE = """
import socket, warnings

warnings.simplefilter("error")

def refuse(*address):
    raise OSError(f"the network is asked for: {address}")

socket.getaddrinfo = socket.create_connection = refuse
"""
NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:e[+-]?\d+)?")
CLOCK = "times"
"""The tag of cells whose outputs have times, or folders named by the time."""


@pytest.fixture(scope="module")
def gaussian() -> bench.Run:
    return bench.load(REFERENCE / "gaussian")


def test_a_run_shows_its_strip_and_its_results(gaussian: bench.Run) -> None:
    shown = in_notebook(gaussian)
    assert gaussian._repr_html_() == shown
    assert shown.count("<table>") == 2
    assert "At N = 100 000, cpu, float32" in shown
    first, results = shown.split("<table>")[1:]
    assert re.findall(r'<th scope="row">(.*?)</th>', first)[0] == "reparameterization"
    assert results.count("<tr>") == 1 + 25  # five estimators at five N, and the head
    assert re.findall(r'<th scope="col">(.*?)</th>', results)[:4] == ["estimator", "N", "bias", "variance"]
    assert "8.83 (7.6 … 10.3)" in results  # reinforce at N = 10, as the reference run has it
    assert "not measured: every estimator on cuda" in results


def test_a_long_run_says_where_the_rest_is(gaussian: bench.Run) -> None:
    many = gaussian.measurements.assign(device="cpu", status="ok")
    many = many.loc[many.index.repeat(3)].assign(sample_size=range(1, 3 * len(many) + 1))
    shown = in_notebook(gaussian.of(many))
    assert "90 more rows are in run.measurements" in shown


def test_labels_are_no_markup_and_what_cannot_be_made_says_so(gaussian: bench.Run) -> None:
    measurements = gaussian.measurements.assign(estimator="<b>bold</b>")
    assert "<b>" not in in_notebook(gaussian.of(measurements))
    shown = in_notebook(gaussian.of(measurements.assign(variance="three")))
    assert "the table of results could not be made" in shown


@pytest.mark.slow
def test_a_chart_is_a_picture(gaussian: bench.Run) -> None:
    chart = gaussian.figures["variance"]
    data, sizes = chart._repr_mimebundle_()  # type: ignore[attr-defined]
    assert set(data) == {"image/png"}
    assert data["image/png"].startswith(b"\x89PNG")
    assert 500 < sizes["image/png"]["width"] < 1000
    assert chart.properties(title="mine")._repr_mimebundle_()[0].keys() == {"image/png"}


def test_progress_is_one_line_that_is_written_over(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import IPython.display

    written: list[str] = []

    class Handle:
        def update(self, data: dict[str, str], raw: bool) -> None:
            written.append(data["text/plain"])

    monkeypatch.setattr(IPython.display, "display", lambda *_, **__: Handle())
    prepared = prepare("gaussian", ["sweep.sample_sizes=[2]", "replicates=20"], ["reinforce"])
    with NotebookProgress(prepared) as told:
        from bench.execution import execute

        execute(prepared, tmp_path, told)
    assert written[-1] == "gaussian: 2 cells, R = 20, 2 done, truth: quadrature"
    assert any(line.endswith("reinforce, N = 2, cpu, float32: ok") for line in written)


def test_a_certificate_and_a_gate_are_printed_as_reports() -> None:
    from bench.certification.verdicts import Certificate, Outcome

    made = Certificate("mine", "unbiased", (Outcome("gaussian"),), (), "cpu", "", 0, 1e-4, 1e-5, 0.99, 1.0)
    assert repr(made) == "<Certificate of mine: certified, 1 problems>"
    assert str(made).splitlines()[0] == "certified: mine, on 1 of 1 problems, cpu, in 1.00 s"
    assert "gaussian" not in str(made)
    assert "gaussian" in made.full
    report = Report("now", 1e-4, 1e-5, 4, ())
    assert repr(report) == "<Report: inconclusive, 0 cells>"
    assert "nothing was compared: no cells" in str(report)


def outputs(notebook: Any) -> list[tuple[str, list[str], list[Any]]]:
    """The source of each cell of code, its tags, and its outputs."""
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    return [(cell.source, cell.metadata.get("tags", []), cell.outputs) for cell in cells]


def text_of(output: Any) -> str:
    return str(output.get("text") or output.data.get("text/plain", ""))


def test_all_notebooks_are_tested() -> None:
    assert set(NOTEBOOKS) == {path.stem for path in (ROOT / "docs" / "notebooks").glob("*.ipynb")}


@pytest.mark.slow
@pytest.mark.parametrize("name", NOTEBOOKS)
def test_a_notebook_gives_what_it_shows_without_network_and_warnings(name: str, tmp_path: Path) -> None:
    page, least = NOTEBOOKS[name]
    path = ROOT / "docs" / "notebooks" / f"{name}.ipynb"
    stored, executed = (nbformat.read(path, as_version=4) for _ in range(2))
    executed.cells.insert(0, nbformat.v4.new_code_cell(OFFLINE))
    executed.cells.append(nbformat.v4.new_code_cell("warnings.resetwarnings()"))
    NotebookClient(executed, timeout=300, resources={"metadata": {"path": str(tmp_path)}}).execute()
    assert (tmp_path / page).stat().st_size > 1e5
    compared = 0
    for (source, tags, before), (_, _, after) in zip(outputs(stored), outputs(executed)[1:-1], strict=True):
        assert [output for output in after if output.get("name") == "stderr"] == [], source
        kinds = [[sorted(output.get("data", ["text"])) for output in some] for some in (before, after)]
        assert kinds[0] == kinds[1], source
        for old, new in zip(before, after, strict=True):
            if CLOCK not in tags:
                assert NUMBER.sub("#", text_of(old)) == NUMBER.sub("#", text_of(new)), source
                numbers = [[float(text) for text in NUMBER.findall(text_of(each))] for each in (old, new)]
                assert numbers[1] == pytest.approx(numbers[0], rel=0.02, abs=2e-3), source
                compared += len(numbers[0])
    assert compared > least


@pytest.mark.slow
def test_the_network_is_refused_in_the_notebook() -> None:
    ask = "import urllib.request\nurllib.request.urlopen('http://example.org')"
    cells = [nbformat.v4.new_code_cell(text) for text in (OFFLINE, ask)]
    with pytest.raises(Exception, match="the network is asked for"):
        NotebookClient(nbformat.v4.new_notebook(cells=cells), timeout=60).execute()
