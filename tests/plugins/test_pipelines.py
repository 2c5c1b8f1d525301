"""Pipelines through the command line, in processes that find good and bad plugins as they find installed packages."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

COUNTDOWN = """
import attrs
from fluxion_core.hookspecs import hookimpl
from fluxion_core.language import Operator
from fluxion_core.spi import Batch, EndOfInput, Options, REQUIRED, Source, option

FLUXION_SPI = (1, 0)

@attrs.frozen
class CountdownOptions(Options):
    '''From where.'''
    start: int = option(REQUIRED, "Where to start.", minimum=1)

class Countdown(Source):
    '''Counts down to one.'''
    name = "countdown"
    options = CountdownOptions

    @property
    def bounded(self):
        return True

    def open(self, context, positions):
        self.left = self.config.start if positions["0"] is None else positions["0"]

    def poll(self, max_records, timeout_seconds):
        if not self.left:
            raise EndOfInput
        documents = [{"left": left} for left in range(self.left, max(0, self.left - max_records), -1)]
        self.left -= len(documents)
        return Batch(positions={"0": self.left}, documents=documents)

@hookimpl
def fluxion_register_sources():
    return [Countdown]

@hookimpl
def fluxion_register_operators():
    return [Operator(name="$thrice", function=lambda value: value * 3)]

@hookimpl
def fluxion_register_commands(cli):
    import click

    @cli.command(name="countdown")
    def countdown():
        '''Count down.'''
        click.echo("3 2 1")

@hookimpl
def fluxion_event(event):
    from pathlib import Path
    with Path("heard.txt").open("a") as file:
        file.write(type(event).__name__ + "\\n")
"""

BROKEN = "import a_library_that_is_missing"
LEAVING = "import sys; sys.exit(0)"
RAISING = """
from fluxion_core.hookspecs import hookimpl
FLUXION_SPI = (1, 0)
@hookimpl
def fluxion_event(event): raise RuntimeError("a listener of its own")
@hookimpl
def fluxion_register_commands(cli): raise RuntimeError("no commands today")
"""
USURPER = """
from fluxion_core.connectors import FileSink, MemorySource
from fluxion_core.hookspecs import hookimpl
from fluxion_core.language import Operator
FLUXION_SPI = (1, 0)
class Mine(FileSink):
    name = "file"
    def write(self, batch): raise RuntimeError("usurped")
@hookimpl
def fluxion_register_sinks(): return [Mine]
@hookimpl
def fluxion_register_operators(): return [Operator(name="$add", function=lambda *values: -1)]
"""


@pytest.fixture
def fluxion(site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Run the command line beside the installed plugins; returns exit code, output and errors."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", site.search_path)

    def fluxion(*arguments: str) -> tuple[int, str, str]:
        script = "from fluxion_core.cli import main; main()"
        result = subprocess.run([sys.executable, "-c", script, *arguments], capture_output=True, text=True, check=False)
        return result.returncode, result.stdout, result.stderr

    return fluxion


@pytest.fixture
def pipeline(tmp_path: Path) -> Any:
    """Write a pipeline file, and return its path."""

    def pipeline(**parts: Any) -> str:
        definition = {
            "id": "p",
            "source": {"type": "generator", "count": 3},
            "stages": [{"$set": {"m": {"$add": ["$n", 1]}}}],
            "sink": {"type": "file", "path": "out.ndjson"},
        } | parts
        (tmp_path / "pipeline.json").write_text(json.dumps(definition))
        return "pipeline.json"

    return pipeline


def written(tmp_path: Path) -> list[Any]:
    """Return what the pipeline wrote."""
    return [json.loads(line) for line in (tmp_path / "out.ndjson").read_text().splitlines()]


@pytest.fixture
def bad_company(site) -> None:
    """One plugin of every bad kind."""
    site.install("a-broken", BROKEN)
    site.install("b-leaving", LEAVING)
    site.install("c-raising", RAISING)
    site.install("d-usurper", USURPER)
    site.install("e-wrong-version", "FLUXION_SPI = (9, 0)")
    site.install("f-ticks")
    site.install("g-ticks")


@pytest.mark.usefixtures("bad_company")
def test_bad_plugins_do_not_stop_a_pipeline_that_does_not_use_them(fluxion, pipeline, tmp_path: Path) -> None:
    code, _, errors = fluxion("run", pipeline())
    assert code == 0, errors
    assert written(tmp_path) == [{"n": 0, "m": 1}, {"n": 1, "m": 2}, {"n": 2, "m": 3}]


@pytest.mark.usefixtures("bad_company")
def test_the_list_of_plugins_says_what_is_wrong_with_each(fluxion) -> None:
    code, output, _ = fluxion("plugins", "--format", "json")
    found = {row["distribution"]: row for row in json.loads(output)}
    assert code == 0
    expected = {
        "a-broken": "ModuleNotFoundError: No module named 'a_library_that_is_missing'",
        "b-leaving": "SystemExit: 0",
        "c-raising": None,
        "d-usurper": None,
        "e-wrong-version": "built for SPI 9.0, this fluxion-core offers 1.0; install matching versions",
        "f-ticks": None,
    }
    assert expected == {name: found[name]["reason"] for name in expected}
    assert len(found["d-usurper"]["collisions"]) == 2
    assert found["f-ticks"]["collisions"] == found["g-ticks"]["collisions"] != []


@pytest.mark.usefixtures("bad_company")
def test_the_list_for_people_tells_the_same(fluxion) -> None:
    _, output, _ = fluxion("plugins")
    assert "a-broken 1.0  a-broken  NOT IN USE" in output
    assert "    collision: source ticks: claimed by both f-ticks 1.0 and g-ticks 1.0; block one of them with" in output


@pytest.mark.usefixtures("bad_company")
def test_a_pipeline_that_uses_a_bad_plugin_says_why(fluxion, pipeline) -> None:
    code, _, errors = fluxion("run", pipeline(source={"type": "ticks"}))
    assert code == 78
    assert "source.type: unknown source 'ticks': claimed by both f-ticks 1.0 and g-ticks 1.0" in errors
    assert "Traceback" not in errors


@pytest.mark.usefixtures("bad_company")
def test_a_plugin_whose_commands_fail_takes_none_away(fluxion, site) -> None:
    site.install("z-countdown", COUNTDOWN)
    assert fluxion("countdown")[:2] == (0, "3 2 1\n")
    code, output, errors = fluxion("--help")
    assert code == 0
    assert "countdown" in output
    assert "plugin c-raising: its commands are missing (RuntimeError: no commands today)" in errors


def test_a_plugin_of_forty_lines_runs_in_a_pipeline(fluxion, pipeline, site, tmp_path: Path) -> None:
    site.install("countdown", COUNTDOWN)
    code, _, errors = fluxion(
        "run", pipeline(source={"type": "countdown", "start": 3}, stages=[{"$set": {"thrice": {"$thrice": "$left"}}}])
    )
    assert code == 0, errors
    assert written(tmp_path) == [{"left": 3, "thrice": 9}, {"left": 2, "thrice": 6}, {"left": 1, "thrice": 3}]


def test_a_plugin_hears_of_events_though_another_one_fails_on_them(fluxion, pipeline, site, tmp_path: Path) -> None:
    site.install("a-raising", RAISING)
    site.install("m-countdown", COUNTDOWN)
    site.install("z-raising", RAISING)
    assert fluxion("run", pipeline())[0] == 0
    heard = (tmp_path / "heard.txt").read_text().split()
    assert (heard[0], heard[-1]) == ("Started", "Ended")


def test_a_plugins_options_are_checked_and_shown_like_ours(fluxion, pipeline, site) -> None:
    site.install("countdown", COUNTDOWN)
    code, _, errors = fluxion("lint", pipeline(source={"type": "countdown", "strat": 3}))
    assert code == 78
    assert "source.start: required option is missing" in errors
    assert "source.strat: unknown option 'strat'; did you mean 'start'?" in errors


def test_a_plugin_that_is_not_in_use_is_named(fluxion, pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether it is installed where this test runs, and blocked, or not installed at all."""
    monkeypatch.setenv("FLUXION_PLUGINS_BLOCK", "fluxion-connect-kafka")
    code, _, errors = fluxion("run", pipeline(source={"type": "kafka", "topic": "orders"}))
    assert 78 == code
    assert "unknown source 'kafka': " in errors
    assert "fluxion-connect-kafka" in errors
