"""The tables of the README name exactly the arguments and options that there are."""

import re
from pathlib import Path

import pytest
from fluxion_enrich.connections import HttpConnection, SqlConnection
from fluxion_enrich.http_call import HTTP_CALL
from fluxion_enrich.sql_query import SQL_QUERY

README = (Path(__file__).parents[1] / "README.md").read_text()


@pytest.mark.parametrize("operator", [HTTP_CALL, SQL_QUERY], ids=lambda operator: operator.name)
def test_every_argument_is_in_the_table(operator) -> None:
    section = README.split(f"## `{operator.name}`")[1].split("\n## ")[0]
    rows = dict(re.findall(r"^\| `(\w+)` \| (yes|no) \|", section, re.MULTILINE))
    expected = {name: "yes" if name in operator.constants else "no" for name in (*operator.arguments, *operator.optional)}
    assert expected == rows


@pytest.mark.parametrize(("kind", "options"), [("http", HttpConnection), ("sql", SqlConnection)])
def test_every_option_of_a_connection_is_in_the_table(kind, options) -> None:
    row = re.search(rf"^\| `{kind}` \| (.*) \|$", README, re.MULTILINE)[1]
    assert [declared.name for declared in options.declarations()] == re.findall(r"`(\w+)`", row)
