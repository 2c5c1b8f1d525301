"""The suites run, and the page says what the results say."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BENCHMARKS = ROOT / "benchmarks"
ABOUT = {
    "day": "2026-01-01",
    "python": "3.13.0",
    "machine": "Linux x86_64",
    "cores": 2,
    "load_before": 0.1,
    "load_after": 0.2,
    "commit": "abc",
    "documents": 1000,
    "rounds": 3,
}


@pytest.fixture
def benchmarks(monkeypatch):
    """The modules of the suites, whose folder is no package."""
    names = {path.stem for path in BENCHMARKS.glob("*.py")} | {"suites"}
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import report
    import run

    yield report, {name: run.suite(name) for name in run.SUITES}
    for name in [name for name in sys.modules if name.partition(".")[0] in names]:
        del sys.modules[name]


def write(folder: Path, suite: str, *rows, **more) -> None:
    (folder / f"{suite}.json").write_text(json.dumps({"about": ABOUT, "rows": rows, **more}))


def timed(contender: str, *seconds: float, **labels):
    return {"contender": contender, **labels, "cpu_seconds": seconds, "wall_seconds": seconds, "peak_mb": 20.0}


def lines_of(page: str, start: str) -> list[str]:
    return [line for line in page.splitlines() if line.startswith(start)]


def test_without_results_the_page_says_how_to_get_them(benchmarks, tmp_path):
    report, suites = benchmarks
    page = report.page(tmp_path, suites, tmp_path)
    assert [f"Not measured yet: `python benchmarks/run.py {name}`." for name in suites] == lines_of(page, "Not measured yet: ")


def test_a_speed_is_the_median_of_the_ratios_within_the_rounds(benchmarks, tmp_path):
    report, suites = benchmarks
    write(tmp_path, "engine", timed("hand", 4, 8, 3, job="unwind"), timed("fluxion", 2, 2, 1, job="unwind"))
    (found,) = lines_of(report.page(tmp_path, suites, tmp_path), "| **Fluxion**")
    assert "| **Fluxion** | - | - | - | - | 3.00x | - | - |" == found


def test_what_falls_short_is_marked(benchmarks, tmp_path):
    report, suites = benchmarks
    write(tmp_path, "startup", timed("runtime", 0.3, 0.25, 0.26), timed("hand", 0.1), timed("yardstick", 0.3))
    (found,) = lines_of(report.page(tmp_path, suites, tmp_path), "| `fluxion run`, one line")
    assert "| `fluxion run`, one line, file to file | 0.260, there **0.26 (short)** | 20 |" == found


def test_a_system_that_is_not_installed_has_a_row_that_says_so(benchmarks, tmp_path):
    report, suites = benchmarks
    write(tmp_path, "peers", timed("hand", 1, job="selective", documents=1), versions={}, peers_python="3.12")
    (found,) = lines_of(report.page(tmp_path, suites, tmp_path), "| bytewax")
    assert found.startswith("| bytewax, Python on a Rust engine, one worker | not installed | - |")


def test_the_figures_of_the_kafka_plugin_have_their_section(benchmarks, tmp_path):
    report, suites = benchmarks
    row = {
        "client": "kafka-python",
        "direction": "read",
        "bare_cpu_seconds_per_million": 4.5,
        "plugin_cpu_seconds_per_million": 5.4,
        "ratio": 1.2,
        "lowest_ratio": 1.1,
        "highest_ratio": 1.3,
    }
    (tmp_path / "kafka.json").write_text(json.dumps({"about": ABOUT, "rows": [row]}))
    (found,) = lines_of(report.page(tmp_path, suites, tmp_path), "| kafka-python")
    assert "| kafka-python | read | 4.50 | 5.40 | **1.20 (short)** | 1.10-1.30 |" == found


def test_a_plot_that_was_not_drawn_is_left_out(benchmarks, tmp_path):
    report, suites = benchmarks
    write(tmp_path, "engine", timed("hand", 1, job="unwind"))
    assert lines_of(report.page(tmp_path, suites, tmp_path), "![") == []
    (tmp_path / "engine.svg").write_text("<svg/>")
    assert lines_of(report.page(tmp_path, suites, tmp_path), "![") == [
        "![speed against the hand-written loop](plots/engine.svg)"
    ]


def test_the_page_in_the_documentation_is_that_of_the_results(benchmarks):
    report, suites = benchmarks
    folder = ROOT / "docs" / "explanation"
    assert report.page(BENCHMARKS / "results", suites, folder / "plots") == (folder / "performance.md").read_text()


def test_the_readme_tells_of_every_suite_and_file():
    told = set(re.findall(r"`([\w/.]+)`", (BENCHMARKS / "README.md").read_text()))
    assert set() == {path.stem for path in (BENCHMARKS / "suites").glob("*.py")} - told
    assert set() == {path.name for path in BENCHMARKS.glob("*.py")} - told


def test_a_suite_runs_and_its_outputs_agree():
    command = [sys.executable, str(BENCHMARKS / "run.py"), "latency", "--smoke"]
    finished = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (0, "what was compared agreed") == (finished.returncode, finished.stdout.splitlines()[-1]), finished.stderr


def test_outputs_that_disagree_end_the_run(benchmarks, tmp_path):
    import agree

    (tmp_path / "hand").write_text('{"_id":1,"n":2}\n{"_id":2,"n":2.5}\n')
    (tmp_path / "ours").write_text('{"_id":1,"n":2.0}\n{"_id":2,"n":2.6}\n')
    with pytest.raises(SystemExit, match="job: the outputs disagree"):
        agree.check("job", [tmp_path / "hand", tmp_path / "ours"])
    (tmp_path / "ours").write_text('{"_id":2,"n":2.5}\n{"_id":1,"n":2.0}\n')
    agree.check("job", [tmp_path / "hand", tmp_path / "ours"])
