from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fluxion_core import InMemoryStateStore, PipelineOrchestrator, load_plugins
from fluxion_core.config.model import (
    ErrorPolicy,
    PipelineDefinition,
    RetryPolicy,
    RuntimeConfig,
    SinkConfig,
    SourceConfig,
    StateConfig,
)
from fluxion_core.errors import ConfigError


def definition(**parts: Any) -> PipelineDefinition:
    """Return the smallest definition, with *parts* changed."""
    return PipelineDefinition(**{"id": "p", "source": SourceConfig("memory"), "sink": SinkConfig("memory")} | parts)


# --- components -------------------------------------------------------------------------------------------------------


def test_an_option_may_be_called_type_or_options() -> None:
    config = SinkConfig("http", type="x", options={"a": 1})
    assert ("http", {"type": "x", "options": {"a": 1}}) == (config.type, config.options)


def test_a_codec_stands_beside_the_options() -> None:
    config = SourceConfig("kafka", codec="raw", topic="t")
    assert ("raw", {"topic": "t"}) == (config.codec, config.options)


def test_sources_and_sinks_with_the_same_content_are_not_the_same() -> None:
    assert SourceConfig("file") != SinkConfig("file")


@pytest.mark.parametrize("kind", [SourceConfig, SinkConfig, StateConfig])
def test_a_configuration_cannot_be_changed(kind: Any) -> None:
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        kind("file").type = "other"


def test_a_repr_shows_no_value_since_any_may_be_secret() -> None:
    pipeline = definition(
        source=SourceConfig("kafka", topic="t", sasl_password="s3cret"),
        sink=SinkConfig("http", endpoint="https://user:s3cret@host"),
        dead_letter=SinkConfig("http", token="s3cret"),
        error_policy=ErrorPolicy.dead_letter(SinkConfig("http", token="s3cret")),
        state_store=StateConfig("postgres", password="s3cret"),
        connections={"db": {"url": "postgres://u:s3cret@host"}},
    )
    assert "s3cret" not in repr(pipeline)
    assert "SourceConfig(type='kafka', options={topic: ..., sasl_password: ...}, codec=None)" == repr(pipeline.source)


# --- retries ----------------------------------------------------------------------------------------------------------


def test_pauses_grow_up_to_the_cap() -> None:
    policy = RetryPolicy(backoff_seconds=0.5, multiplier=3, jitter=0, max_backoff_seconds=10)
    assert [0.5, 1.5, 4.5, 10, 10] == [policy.pause_seconds(attempt, 0.5) for attempt in range(2, 7)]


@pytest.mark.parametrize(("random", "pause"), [(0.0, 0.8), (0.5, 1.0), (1.0, 1.2)])
def test_jitter_varies_a_pause_to_either_side(random: float, pause: float) -> None:
    assert pause == pytest.approx(RetryPolicy(backoff_seconds=1, jitter=0.2).pause_seconds(2, random))


@given(attempt=st.integers(2, 10**9), random=st.floats(0, 1), jitter=st.floats(0, 1), multiplier=st.floats(1, 1e6))
def test_a_pause_never_overflows_and_never_runs_backwards(
    attempt: int, random: float, jitter: float, multiplier: float
) -> None:
    policy = RetryPolicy(jitter=jitter, multiplier=multiplier)
    assert 0 <= policy.pause_seconds(attempt, random) <= policy.max_backoff_seconds * 2


@pytest.mark.parametrize(
    "wrong",
    [
        {"max_attempts": 0},
        {"backoff_seconds": -1},
        {"multiplier": 0.5},
        {"jitter": 1.5},
        {"jitter": -0.1},
        {"max_backoff_seconds": -1},
    ],
)
def test_a_retry_that_makes_no_sense_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        RetryPolicy(**wrong)


# --- error policies ---------------------------------------------------------------------------------------------------


def test_the_policy_of_a_pipeline_that_names_none_is_to_stop() -> None:
    assert ErrorPolicy.fail_fast() == definition().error_policy


@pytest.mark.parametrize(
    "then", [ErrorPolicy.fail_fast(), ErrorPolicy.skip(), ErrorPolicy.dead_letter(SinkConfig("file", path="x"))]
)
def test_a_retry_ends_as_its_last_word_says(then: ErrorPolicy) -> None:
    policy = ErrorPolicy.retry(max_attempts=7, then=then)
    assert policy.retrying is not None
    assert (then.action, then.sink, 7) == (policy.action, policy.sink, policy.retrying.max_attempts)


def test_a_retry_without_a_last_word_stops() -> None:
    assert "fail_fast" == ErrorPolicy.retry().action


def test_policies_without_a_retry_have_none() -> None:
    assert [None, None, None] == [
        one.retrying for one in (ErrorPolicy.fail_fast(), ErrorPolicy.skip(), ErrorPolicy.dead_letter())
    ]


# --- runtime ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("micro_batch_size", 0),
        ("queue_capacity", 0),
        ("source_queue_capacity", 0),
        ("worker_thread_pool_size", 0),
        ("max_wait_seconds", -1),
        ("seal_interval_seconds", -0.1),
        ("drain_timeout_seconds", -1),
        ("give_up_after_seconds", -1),
        ("max_record_bytes", 0),
        ("max_rows_per_record", 0),
        ("direct_handoff", "perhaps"),
        ("micro_batch_size", 2.5),
    ],
)
def test_a_runtime_that_makes_no_sense_is_a_problem(name: str, wrong: Any) -> None:
    with pytest.raises(ConfigError) as caught:
        RuntimeConfig.parse({name: wrong}, where="runtime")
    assert [f"runtime.{name}"] == [problem.path for problem in caught.value.problems]


def test_what_the_runtime_does_unasked() -> None:
    runtime = RuntimeConfig()
    expected = (500, 0.05, 32, 2048, 8, False, None)
    found = (
        runtime.micro_batch_size, runtime.max_wait_seconds, runtime.source_queue_capacity, runtime.queue_capacity,
        runtime.worker_thread_pool_size, runtime.direct_handoff, runtime.give_up_after_seconds,
    )  # fmt: skip
    assert expected == found


# --- pipelines --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["a", "orders-ltv", "Orders.v1_2", "0", "x" * 128])
def test_a_pipeline_has_an_id_that_can_be_a_file_name(name: str) -> None:
    assert name == definition(id=name).id


@pytest.mark.parametrize("name", ["", ".", "..", "-a", "a/b", "../a", "a b", "ä", "a\n", "a\0", "x" * 129])
def test_an_id_that_could_lead_elsewhere_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="expected 1 to 128 letters, digits"):
        definition(id=name)


@pytest.mark.parametrize(
    ("name", "wrong", "expected"),
    [
        ("emit", "sometimes", "emit: unknown word 'sometimes'; one of auto, final, updates, each"),
        ("delivery", "at_most_once", "delivery: unknown word 'at_most_once'; one of auto, exactly_once, at_least_once"),
    ],
)
def test_a_word_that_is_none_is_refused(name: str, wrong: str, expected: str) -> None:
    with pytest.raises(ValueError, match=expected):
        definition(**{name: wrong})


@pytest.mark.parametrize(
    ("wrong", "expected"),
    [
        ({"parallelism": 0}, "runtime.parallelism: 0 is too small; expected at least 1"),
        ({"micro_batch_size": "many"}, r"runtime.micro_batch_size: many \(text\) does not fit; expected an integer"),
    ],
)
def test_options_of_the_runtime_are_held_to_their_limits_from_python_too(wrong: dict[str, Any], expected: str) -> None:
    with pytest.raises(ConfigError, match=expected):
        definition(runtime=RuntimeConfig(**wrong))


@pytest.mark.parametrize(
    ("wrong", "found", "write"),
    [
        ({"sink": None}, "NoneType", "SinkConfig("),
        ({"source": "file"}, "str", "SourceConfig("),
        ({"sink": SourceConfig("file")}, "SourceConfig", "SinkConfig("),
        ({"dead_letter": {"type": "file"}}, "dict", "SinkConfig("),
        ({"runtime": {"parallelism": 2}}, "dict", "RuntimeConfig("),
        ({"error_policy": "skip"}, "str", "ErrorPolicy.skip()"),
        ({"state_store": {"type": "memory"}}, "dict", "StateConfig("),
        ({"state_store": SinkConfig("file")}, "SinkConfig", "StateConfig("),
        ({"state_store": 5}, "int", "StateConfig("),
        ({"state_store": InMemoryStateStore}, "ABCMeta", "StateConfig("),
        ({"runner": 5}, "int", '"local"'),
        ({"variables": 5}, "int", "a mapping of names to values"),
        ({"connections": []}, "list", "a mapping of names to options"),
        ({"pipelines": [[]]}, "list", "a mapping of names to lists of stages"),
        ({"metrics": 5}, "int", "StageMetrics()"),
        ({"collections": []}, "list", "a mapping of names to a SourceConfig or documents"),
    ],
)
def test_a_part_of_another_class_is_refused_by_name(wrong: dict[str, Any], found: str, write: str) -> None:
    (name,) = wrong
    with pytest.raises(TypeError, match=re.escape(f"{name}: a value of type {found} does not fit; write {write}")):
        PipelineDefinition(**{"id": "p", "source": SourceConfig("stdin"), "sink": SinkConfig("stdout"), **wrong})


def test_a_number_as_text_is_no_option_of_the_runtime_in_python() -> None:
    with pytest.raises(TypeError, match=r"runtime\.parallelism: a value of type str does not fit; write 2"):
        definition(runtime=RuntimeConfig(parallelism="2"))  # type: ignore[arg-type]  # the mistake


@pytest.mark.parametrize("wrong", ["enrich", {"$match": {}}])
def test_a_named_pipeline_that_is_no_list_is_refused_by_name(wrong: Any) -> None:
    with pytest.raises(TypeError, match=r"pipelines\['enrich'\]: .*; write a list of stages"):
        definition(pipelines={"enrich": wrong})


def test_the_base_directory_may_be_text() -> None:
    assert Path("here") == definition(base_dir="here").base_dir


def test_a_registry_in_the_place_of_the_components_is_told_its_own() -> None:
    with pytest.raises(TypeError, match=r"components: a PluginRegistry does not fit; write registry=load_plugins\(\)"):
        PipelineOrchestrator(load_plugins())  # type: ignore[arg-type]  # the mistake


@pytest.mark.parametrize("wrong", ["customers.ndjson", {"type": "file"}, 5])
def test_a_collection_that_is_neither_a_source_nor_a_list_is_refused_by_name(wrong: Any) -> None:
    with pytest.raises(TypeError, match=r"collections\['customers'\]: .*; write a SourceConfig or a list of documents"):
        definition(collections={"customers": wrong})
