"""What the README says is true."""

from __future__ import annotations

import re
from pathlib import Path

import importlib_metadata
import yaml
from fluxion_connect_http.options import HttpSinkOptions
from fluxion_connect_http.verdicts import Verdict, verdict_on

from fluxion_core.plugins import load_plugins

README = (Path(__file__).parent.parent / "README.md").read_text()


def rows(heading: str) -> list[list[str]]:
    """Return the cells of the table under *heading*."""
    section = README.split(f"## {heading}\n", 1)[1].split("\n## ", 1)[0]
    lines = [line for line in section.splitlines() if line.startswith("|")][2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_the_option_table_is_the_declarations() -> None:
    """Name, type, default and sentence of every option, in the order of the class."""
    expected = [
        [
            f"`{item.name}`",
            item.type_text,
            item.default_text and f"`{item.default_text}`".replace("`required`", "required"),
            item.doc,
        ]
        for item in HttpSinkOptions.declarations()
    ]
    assert rows("Options") == expected


def test_the_status_table_is_the_code() -> None:
    """Every status that the table names means what the table says."""
    words = {"written": Verdict.DONE, "in part": Verdict.PARTLY, "record": Verdict.RECORDS, "later": Verdict.LATER,
             "never": Verdict.NEVER}  # fmt: skip
    for statuses, meaning, _ in rows("What an answer means"):
        for status in re.findall(r"\d{3}", statuses):
            assert verdict_on(int(status)) is words[meaning], status


def test_the_examples_parse() -> None:
    """Every pipeline fragment of the README is a sink that the options accept."""
    fragments = re.findall(r"```yaml\n(.*?)```", README, re.DOTALL)
    assert fragments
    for fragment in fragments:
        options = yaml.safe_load(fragment)["sink"]
        assert options.pop("type") == "http"
        HttpSinkOptions.parse(options, where="sink")


def test_the_entry_point_brings_the_sink() -> None:
    """An installed distribution is found, and its sink is called http."""
    ours = [importlib_metadata.distribution("fluxion-connect-http")]
    registry = load_plugins(distributions=ours)
    (report,) = [report for report in registry.reports if report.provenance.distribution == "fluxion-connect-http"]
    assert (report.reason, report.provides) == ("", ("sink http",))
