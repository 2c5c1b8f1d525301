"""``fluxion components`` and ``fluxion plugins``: what is there, in every format, and what a name that is not there may mean."""

import json

import pytest


def test_the_list_names_every_kind_with_where_it_comes_from(shell):
    out = shell.fluxion("components").out
    for line in ("sources", "sinks", "codecs", "state stores", "runners"):
        assert line in out.splitlines()
    assert "  file       Reads a file line by line, resuming at any line.  (fluxion-core " in out


def test_options_are_shown_as_text_as_markdown_and_as_json_schema(shell):
    text, markdown, schema = (
        shell.fluxion("components", "generator", "--format", form).out for form in ("table", "markdown", "json-schema")
    )
    assert "  seed: an integer, default 0" in text
    assert "| `seed` | an integer | `0` | Another seed makes other documents. |" in markdown
    assert {"type": "integer", "default": 0} == {
        key: json.loads(schema)["properties"]["seed"][key] for key in ("type", "default")
    }


def test_the_options_of_the_runtime_are_shown_as_those_of_a_component(shell):
    out = shell.fluxion("components", "runtime").out
    assert out.startswith("section runtime  (fluxion-core ")
    assert "  parallelism: an integer, " in out


def test_a_list_has_no_other_format_than_text(shell):
    outcome = shell.fluxion("components", "--format", "markdown")
    assert (78, "") == (outcome.code, outcome.out)
    assert (
        "Error: --format markdown shows the options of one component; name it: components file --format markdown" in outcome.err
    )


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("$match", ["stage $match", "  Written [{'$match': {'status': 'PAID'}}]."]),
        ("$dateTrunc", ["operator $dateTrunc", "  Takes date, unit and optionally binSize, timezone, startOfWeek."]),
        ("$push", ["accumulator $push", "  Written {'$push': '$v'}."]),
    ],
)
def test_a_name_of_the_language_is_shown_as_it_is_written(shell, name, expected):
    lines = shell.fluxion("components", name).out.splitlines()
    assert expected == [lines[0].partition("  (fluxion-core ")[0], *lines[1:]]


def test_an_option_without_a_default_is_optional(shell):
    assert "  count: an integer, at least 0, optional\n" in shell.fluxion("components", "generator").out


def test_a_name_of_several_kinds_shows_all_of_them(shell):
    assert ["source", "sink"] == list(json.loads(shell.fluxion("components", "file", "--format", "json-schema").out))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("fiel", "error: no component is called 'fiel'; did you mean 'file'?"),
        ("$geoNear", "error: no component is called '$geoNear'; MongoDB has it, and Fluxion has not"),
        ("$macht", "error: no component is called '$macht'; did you mean '$match'?"),
        ("qqq", "error: no component is called 'qqq'; run fluxion components for a list"),
    ],
)
def test_a_name_that_is_not_there(shell, name, expected):
    outcome = shell.fluxion("components", name)
    assert (78, f"{expected}\n") == (outcome.code, outcome.err)


def test_a_list_that_blocks_nothing_is_told(shell):
    outcome = shell.fluxion("plugins", FLUXION_PLUGINS_BLOCK="fluxion-conect-nothing")
    assert 0 == outcome.code
    assert outcome.err.startswith("note: FLUXION_PLUGINS_ALLOW/BLOCK: no plugin 'fluxion-conect-nothing' is installed")


def test_a_terminal_is_spared_the_marks_of_a_docstring(shell):
    assert "`" not in shell.fluxion("components").out
    assert '  Reads a list: SourceConfig("memory", documents=[...]).' in shell.fluxion("components", "memory").out.splitlines()


def test_what_is_code_is_code_in_markdown(shell):
    out = shell.fluxion("components", "memory", "--format", "markdown").out
    assert 'Reads a list: `SourceConfig("memory", documents=[...])`.' in out.splitlines()
