"""What is wrong with a database URL is found before anything is opened, and told without a word of the password."""

import pytest
from fluxion_enrich.sql_query import SQL_QUERY

from fluxion_core import PipelineDefinition, SinkConfig, SourceConfig, load_plugins
from fluxion_core.errors import ConfigError
from fluxion_core.language import MISSING
from fluxion_core.runtime.binding import bind

NOT_ENCODED = [
    "postgresql+psycopg://bob:p@ss:hunter2secret@127.0.0.1:9/db",
    "postgresql+psycopg://bob:p@hunter2secret@127.0.0.1:9/db",
    "postgresql+psycopg://bob:p@ss/hunter2secret@127.0.0.1:9/db",
    "postgresql+psycopg://bob:p@hunter2?secret@127.0.0.1:9/db",
]


def problem_of(url):
    definition = PipelineDefinition(
        id="p",
        source=SourceConfig("generator", count=1),
        sink=SinkConfig("stdout"),
        stages=[{"$set": {"a": {"$sqlQuery": {"connection": "shop", "query": "select 1"}}}}],
        connections={"shop": {"type": "sql", "url": url}},
    )
    try:
        bind(definition, load_plugins().components)
    except ConfigError as error:
        (problem,) = error.problems
        return problem
    return None


@pytest.mark.parametrize("url", NOT_ENCODED)
def test_a_password_that_is_not_percent_encoded_is_found_when_the_pipeline_is_bound(url) -> None:
    problem = problem_of(url)
    assert problem.path == "connections.shop.url"
    assert "percent-encode the password" in problem.message


@pytest.mark.parametrize("url", NOT_ENCODED)
def test_no_part_of_the_password_is_shown(url) -> None:
    assert "hunter2" not in str(problem_of(url))


def test_a_url_that_an_environment_changed_later_is_told_without_its_password(effects_class, pool) -> None:
    effects = effects_class(pool, shop={"type": "sql", "url": NOT_ENCODED[0]})
    call = {"connection": "shop", "query": "select 1", "params": MISSING, "mode": MISSING}
    with pytest.raises(ConfigError, match=r"connections\.shop\.url: .*percent-encode") as caught:
        SQL_QUERY.evaluate_batch([call], effects)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql+psycopg://bob:p%40ss%3Ahunter2%2Fsecret@127.0.0.1:9/db",
        "postgresql+psycopg://bob:p:s?s/hunter2@127.0.0.1:9/db",
        "postgresql+psycopg://bob@realm:secret@127.0.0.1:9/db?application_name=a@b",
    ],
)
def test_a_password_that_can_be_told_from_the_host_is_in_order(url) -> None:
    assert problem_of(url) is None


def test_an_at_sign_in_the_path_of_an_sqlite_file_is_in_order() -> None:
    assert problem_of("sqlite:///products@home.db") is None


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("nosuch://u:p@h/d", "no dialect or driver 'nosuch' is installed"),
        ("postgresql+nosuch://u:p@h/d", "no dialect or driver 'postgresql+nosuch' is installed"),
        ("oracle+oracledb://u:p@h/d", "the database driver of 'oracle+oracledb' is not installed (no module 'oracledb')"),
        ("products.db", "this is no database URL"),
        ("a+b+c://u:p@h/d", "this is no database URL"),
        ("sqlite://products.db/x", "this is no database URL"),
    ],
)
def test_what_is_wrong_with_a_url_is_named(url, expected) -> None:
    assert expected in problem_of(url).message
