"""Every component that the core brings documents itself, in each of the three formats."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import attrs
import pytest

from fluxion_core.cli.components import options_markdown
from fluxion_core.plugins import load_plugins
from fluxion_core.spi import REQUIRED, Options, Secret, option

COMPONENTS = load_plugins(allow=[]).components
NAMES = sorted({one.name for kind in ("source", "sink", "codec", "state store", "runner") for one in COMPONENTS.all(kind)})


def shown(*arguments: str) -> tuple[int, str, str]:
    """Return exit code, output and errors of ``fluxion components``."""
    script = "from fluxion_core.cli import main; main()"
    result = subprocess.run(
        [sys.executable, "-c", script, "components", *arguments], capture_output=True, text=True, check=False
    )
    return result.returncode, result.stdout, result.stderr


@pytest.mark.parametrize("kind", ["source", "sink", "codec", "state store", "runner"])
def test_every_component_says_in_a_sentence_what_it_is(kind: str) -> None:
    silent = [one.name for one in COMPONENTS.all(kind) if len(one.summary) < 15 or not one.summary.endswith((".", "``"))]
    assert [] == silent


@pytest.mark.parametrize("kind", ["source", "sink", "codec", "state store", "runner"])
def test_every_option_says_in_a_sentence_what_it_is(kind: str) -> None:
    silent = [
        f"{one.name}.{declared.name}"
        for one in COMPONENTS.all(kind)
        for declared in one.value.options.declarations()
        if len(declared.doc) < 15 or not declared.doc.endswith(".")
    ]
    assert [] == silent


@pytest.mark.parametrize("kind", ["source", "sink", "codec", "state store", "runner"])
def test_every_schema_describes_what_parsing_accepts(kind: str) -> None:
    """Defaults are of the type that the schema says, and the schema is JSON."""
    types: Any = {"integer": int, "number": (int, float), "string": str, "boolean": bool}
    for one in COMPONENTS.all(kind):
        schema = json.loads(json.dumps(one.value.options.json_schema()))
        assert set(schema["properties"]) == {declared.name for declared in one.value.options.declarations()}
        for name, told in schema["properties"].items():
            if "default" in told and "type" in told:
                assert isinstance(told["default"], types[told["type"]]), name


def test_the_list_names_every_component() -> None:
    code, output, _ = shown()
    assert 0 == code
    assert [] == [name for name in NAMES if f"  {name}" not in output]


def test_a_table_shows_type_default_and_meaning() -> None:
    _, output, _ = shown("generator")
    assert "source generator  (fluxion-core " in output
    assert "  kind: one of counter, orders, default counter\n      What to make: counter is" in output


def test_a_name_of_several_kinds_is_shown_for_each() -> None:
    _, output, _ = shown("file")
    assert ("source file" in output, "sink file" in output) == (True, True)


def test_json_schema_of_one_kind_and_of_several() -> None:
    generator, file = (
        json.loads(shown("generator", "--format", "json-schema")[1]),
        json.loads(shown("file", "--format", "json-schema")[1]),
    )
    assert ("object", {"source", "sink"}) == (generator["type"], set(file))


def test_markdown_is_a_table() -> None:
    _, output, _ = shown("sqlite", "--format", "markdown")
    assert "## state store `sqlite`\n" in output
    meaning = "How long to wait while another process writes to the file."
    assert f"| `busy_timeout_seconds` | a number, at least 0 | `5.0` | {meaning} |" in output


def test_a_name_that_is_none_is_told() -> None:
    code, _, errors = shown("fiel")
    assert (78, "error: no component is called 'fiel'; did you mean 'file'?\n") == (code, errors)


def test_markdown_survives_bars_and_newlines() -> None:
    @attrs.frozen
    class OddOptions(Options):
        odd: str = option("a|b", "One | two\n    three.")
        empty: str | None = option(None, "Nothing by default.")
        must: str = option(REQUIRED, "Must be.")
        token: Secret | None = option(None, "Not shown.")

    assert [
        "| `odd` | text | `a\\|b` | One \\| two three. |",
        "| `empty` | text |  | Nothing by default. |",
        "| `must` | text | required | Must be. |",
        "| `token` | text (secret) |  | Not shown. |",
    ] == options_markdown(OddOptions).splitlines()[2:]


def test_no_options_are_told_as_such() -> None:
    assert ("No options.", "No options.") == (options_markdown(Options), options_markdown(None))
