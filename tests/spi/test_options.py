from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import attrs
import pytest

from fluxion_core.config.model import SourceConfig, snake_case
from fluxion_core.errors import ConfigError
from fluxion_core.spi import REQUIRED, Options, Secret, option


def _port_problem(value: str) -> str | None:
    return None if ":" in value else "expected host:port"


@attrs.frozen
class BrokerOptions(Options):
    """An options class with one of everything."""

    bootstrap_servers: str = option(REQUIRED, "Where the brokers are.", example="localhost:9092", check=_port_problem)
    acks: Literal["all", "1", "0"] = option("all", "How many brokers must have a record.")
    retries: int = option(3, "How often to try again.", minimum=0, maximum=10)
    timeout_seconds: float | None = option(None, "How long to wait.", minimum=0.5)
    verify: bool = option(True, "Whether certificates are checked.")
    topics: list[str] = option(attrs.Factory(list), "Which topics.")
    partitions: list[int] | None = option(None, "Which partitions.")
    client_properties: dict[str, Any] = option(attrs.Factory(dict), "Passed on.")
    credentials: dict[str, Secret] = option(attrs.Factory(dict), "Secrets by name.")
    password: Secret | None = option(None, "The password.")
    directory: Path | None = option(None, "Where files go.")
    old: str | None = option(None, "Has no effect.", deprecated="use acks")

    def lint(self) -> list[tuple[str, str]]:
        """A password needs verified certificates."""
        return [("password", "needs verify: true")] if self.password and not self.verify else []


GOOD = {"bootstrap_servers": "a:1"}


def parse(**values: Any) -> BrokerOptions:
    """Parse *values* beside what is required."""
    return BrokerOptions.parse({**GOOD, **values}, where="source")


def problems(values: dict[str, Any]) -> list[str]:
    """Return what parsing *values* finds."""
    with pytest.raises(ConfigError) as caught:
        BrokerOptions.parse(values, where="source")
    return [str(problem) for problem in caught.value.problems]


# --- parsing ----------------------------------------------------------------------------------------------------------


def test_what_is_not_given_has_its_default() -> None:
    parsed = parse()
    expected = ("all", 3, None, True, [], {}, None)
    found = (
        parsed.acks, parsed.retries, parsed.timeout_seconds, parsed.verify, parsed.topics, parsed.client_properties, parsed.password,
    )  # fmt: skip
    assert expected == found


def test_a_mutable_default_is_nobody_elses() -> None:
    parse().topics.append("x")
    assert [] == parse().topics


@pytest.mark.parametrize(
    ("name", "given", "expected"),
    [
        ("retries", 5, 5),
        ("retries", "5", 5),
        ("retries", " 5 ", 5),
        ("timeout_seconds", 2, 2.0),
        ("timeout_seconds", "2.5", 2.5),
        ("timeout_seconds", None, None),
        ("verify", False, False),
        ("verify", "false", False),
        ("verify", "TRUE", True),
        ("acks", "1", "1"),
        ("topics", ["a", "b"], ["a", "b"]),
        ("topics", "a, b", ["a", "b"]),
        ("topics", ("a",), ["a"]),
        ("partitions", ["1", 2], [1, 2]),
        ("client_properties", {"a": [1]}, {"a": [1]}),
        ("password", "s3cret", Secret("s3cret")),
        ("password", Secret("s3cret"), Secret("s3cret")),
        ("credentials", {"a": "s3cret"}, {"a": Secret("s3cret")}),
        ("directory", "out", Path("out")),
    ],
)
def test_values_are_converted(name: str, given: Any, expected: Any) -> None:
    found = getattr(parse(**{name: given}), name)
    assert (expected, type(expected)) == (found, type(found))


@pytest.mark.parametrize(
    ("name", "given", "problem"),
    [
        ("retries", "many", "source.retries: many (text) does not fit; expected an integer"),
        ("retries", 1.0, "source.retries: 1.0 (a number) does not fit; expected an integer"),
        ("retries", True, "source.retries: true (true or false) does not fit; expected an integer"),
        ("retries", None, "source.retries: null (nothing) does not fit; expected an integer"),
        ("retries", 11, "source.retries: 11 is too large; expected 0 to 10"),
        ("retries", -1, "source.retries: -1 is too small; expected 0 to 10"),
        ("timeout_seconds", 0.1, "source.timeout_seconds: 0.1 is too small; expected at least 0.5"),
        ("timeout_seconds", "soon", "source.timeout_seconds: soon (text) does not fit; expected a number"),
        ("verify", "yes", "source.verify: yes (text) does not fit; expected true or false"),
        ("verify", 1, "source.verify: 1 (an integer) does not fit; expected true or false"),
        ("acks", "2", "source.acks: 2 (text) does not fit; expected one of all, 1, 0"),
        ("acks", ["all"], "source.acks: [all] (a list) does not fit; expected one of all, 1, 0"),
        ("topics", 3, "source.topics: 3 (an integer) does not fit; expected a list (text)"),
        ("partitions", ["x"], "source.partitions: x (text) does not fit; expected an integer"),
        (
            "client_properties",
            [],
            "source.client_properties: [] (a list) does not fit; expected a mapping of text to any value",
        ),
        ("directory", "", "source.directory: '' (text) does not fit; expected a path"),
        ("directory", "a\0b", "source.directory: a\0b (text) does not fit; expected a path"),
        ("bootstrap_servers", "localhost", "source.bootstrap_servers: expected host:port"),
    ],
)
def test_what_does_not_fit_is_told(name: str, given: Any, problem: str) -> None:
    assert [problem] == problems({**GOOD, name: given})


@pytest.mark.parametrize("given", [float("nan"), "nan", float("inf"), "inf"])
def test_a_time_must_be_a_number_that_ends(given: Any) -> None:
    """``nan`` is neither below the minimum nor above the maximum, and a timer that gets it never fires."""
    assert 1 == len(problems({**GOOD, "timeout_seconds": given}))


def test_all_problems_are_told_at_once() -> None:
    known = [one.name for one in BrokerOptions.declarations()]
    assert [
        "source.bootstrap_servers: required option is missing; set it to text: Where the brokers are.",
        "source.retries: many (text) does not fit; expected an integer",
        "source.topic: unknown option 'topic'; did you mean 'topics'?",
        f"source.xyz: unknown option 'xyz'; known options: {', '.join(sorted(known))}",
    ] == problems({"retries": "many", "topic": "a", "xyz": 1})


@pytest.mark.parametrize("typo", ["bootstrap_server", "boostrap_servers", "BOOTSTRAP_SERVERS", "bootstrapServers"])
def test_a_typo_is_told_what_it_could_mean(typo: str) -> None:
    assert f"source.{typo}: unknown option '{typo}'; did you mean 'bootstrap_servers'?" in problems({**GOOD, typo: "a:1"})


def test_problems_between_options_are_told_at_the_option() -> None:
    assert ["source.password: needs verify: true"] == problems({**GOOD, "password": "x", "verify": False})


def test_relative_paths_start_at_the_pipeline_file(tmp_path: Path) -> None:
    assert tmp_path / "out" == BrokerOptions.parse({**GOOD, "directory": "out"}, base_dir=tmp_path).directory


def test_absolute_paths_stay(tmp_path: Path) -> None:
    assert Path("/out") == BrokerOptions.parse({**GOOD, "directory": "/out"}, base_dir=tmp_path).directory


def test_options_cannot_be_changed() -> None:
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        parse().retries = 1  # type: ignore[misc]


# --- the camelCase of the origin --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("camel", "snake"),
    [
        ("bootstrapServers", "bootstrap_servers"),
        ("bootstrap_servers", "bootstrap_servers"),
        ("pollTimeoutMs", "poll_timeout_ms"),
        ("baseURL", "base_url"),
        ("sslCAFile", "ssl_ca_file"),
        ("acks", "acks"),
        ("oauth2Token", "oauth2_token"),
    ],
)
def test_camel_case_is_the_same_name(camel: str, snake: str) -> None:
    assert snake == snake_case(camel)


def test_a_source_config_takes_either_spelling() -> None:
    assert SourceConfig("kafka", bootstrapServers="a:1") == SourceConfig("kafka", bootstrap_servers="a:1")


def test_what_an_option_holds_is_left_as_it_is() -> None:
    config = SourceConfig("kafka", clientProperties={"maxPollRecords": 5})
    assert {"client_properties": {"maxPollRecords": 5}} == config.options


# --- secrets ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("show", [repr, str, lambda options: str(options.redacted()), lambda options: f"{options.password}"])
def test_a_secret_never_shows_itself(show: Any) -> None:
    options = parse(password="s3cret", credentials={"a": "s3cret"})
    assert "s3cret" not in show(options)


def test_a_secret_is_revealed_where_it_is_used() -> None:
    password = parse(password="s3cret").password
    assert password is not None
    assert "s3cret" == password.reveal()


@pytest.mark.parametrize(
    "values",
    [
        {"password": ["s3cret"]},
        {"password": {"a": "s3cret"}},
        {"credentials": {"a": ["s3cret"]}},
        {"credentials": "s3cret"},
        {"credentials": ["s3cret"]},
    ],
)
def test_a_secret_of_the_wrong_form_is_not_shown_in_the_error(values: dict[str, Any]) -> None:
    (problem,) = problems({**GOOD, **values})
    assert "s3cret" not in problem
    assert "***" in problem


def test_secrets_are_redacted_and_the_rest_is_not() -> None:
    expected = {"password": "***", "credentials": {"a": "***"}, "retries": 3, "directory": "out"}
    found = parse(password="s3cret", credentials={"a": "x"}, directory="out").redacted()
    assert expected == {name: found[name] for name in expected}


def test_a_secret_that_is_not_set_is_nothing() -> None:
    assert parse().redacted()["password"] is None


def test_secrets_compare_without_showing() -> None:
    assert Secret("a") == Secret("a") != Secret("b")
    assert 1 == len({Secret("a"), Secret("a")})


def test_a_secret_does_not_become_text_by_accident() -> None:
    assert "x***" == f"x{Secret('s3cret')}"


# --- documentation ----------------------------------------------------------------------------------------------------


def declared(name: str) -> Any:
    """Return the declaration of one option."""
    return next(one for one in BrokerOptions.declarations() if one.name == name)


@pytest.mark.parametrize(
    ("name", "type_text", "default_text"),
    [
        ("bootstrap_servers", "text", "required"),
        ("acks", "one of all, 1, 0", "all"),
        ("retries", "an integer", "3"),
        ("timeout_seconds", "a number", ""),
        ("verify", "true or false", "true"),
        ("topics", "a list (text)", "[]"),
        ("client_properties", "a mapping of text to any value", "{}"),
        ("credentials", "a mapping of text to text (secret)", "{}"),
        ("password", "text (secret)", ""),
        ("directory", "a path", ""),
    ],
)
def test_an_option_documents_itself(name: str, type_text: str, default_text: str) -> None:
    assert (type_text, default_text) == (declared(name).type_text, declared(name).default_text)


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        ({}, ""),
        ({"minimum": 0}, "at least 0"),
        ({"maximum": 0.5}, "at most 0.5"),
        ({"minimum": 1, "maximum": 10_000_000}, "1 to 10000000"),
    ],
)
def test_an_option_tells_its_limits(limits: dict[str, float], expected: str) -> None:
    @attrs.frozen
    class Limited(Options):
        number: float = option(1, "A number.", **limits)

    assert expected == Limited.declarations()[0].limits_text


@pytest.mark.parametrize(
    ("name", "secret"), [("password", True), ("credentials", True), ("client_properties", False), ("acks", False)]
)
def test_an_option_knows_whether_it_is_secret(name: str, secret: bool) -> None:
    assert secret == declared(name).secret


def test_declarations_come_in_the_order_of_the_class() -> None:
    assert ["bootstrap_servers", "acks", "retries"] == [one.name for one in BrokerOptions.declarations()][:3]


def test_a_subclass_adds_to_the_options_of_its_base() -> None:
    @attrs.frozen
    class TopicOptions(BrokerOptions):
        topic: str = option(REQUIRED, "Which topic.")

    parsed = TopicOptions.parse({**GOOD, "topic": "orders"})
    assert ("a:1", "orders") == (parsed.bootstrap_servers, parsed.topic)


def test_the_json_schema_says_what_parsing_accepts() -> None:
    schema = BrokerOptions.json_schema()
    assert ("object", False, ["bootstrap_servers"]) == (schema["type"], schema["additionalProperties"], schema["required"])
    expected = {
        "acks": {"enum": ["all", "1", "0"], "description": "How many brokers must have a record.", "default": "all"},
        "retries": {
            "type": "integer", "description": "How often to try again.", "minimum": 0, "maximum": 10, "default": 3,
        },
        "timeout_seconds": {"type": "number", "description": "How long to wait.", "minimum": 0.5},
        "verify": {"type": "boolean", "description": "Whether certificates are checked.", "default": True},
        "topics": {"type": "array", "items": {"type": "string"}, "description": "Which topics."},
        "client_properties": {"type": "object", "additionalProperties": {}, "description": "Passed on."},
        "password": {"type": "string", "description": "The password.", "writeOnly": True},
        "directory": {"type": "string", "description": "Where files go."},
        "old": {"type": "string", "description": "Has no effect.", "deprecated": True},
    }  # fmt: skip
    assert expected == {name: schema["properties"][name] for name in expected}


def test_options_without_options_parse_nothing() -> None:
    assert Options() == Options.parse({})
    with pytest.raises(ConfigError, match=r"sink\.a: unknown option 'a'; known options: none"):
        Options.parse({"a": 1}, where="sink")
