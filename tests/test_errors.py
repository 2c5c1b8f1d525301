from __future__ import annotations

import inspect

import pytest

from fluxion_core import errors
from fluxion_core.errors import CompileError, ConfigError, EvaluationError, FluxionError, Problem, TransientError, did_you_mean

TREE = {
    "ConfigError": 78,
    "UnknownNameError": 78,
    "PluginError": 70,
    "CompileError": 78,
    "TransientError": 74,
    "FatalError": 74,
    "StateError": 76,
    "FencedError": 75,
}


@pytest.mark.parametrize(("name", "code"), TREE.items())
def test_exit_codes(name: str, code: int) -> None:
    assert code == getattr(errors, name).exit_code


def test_everything_that_is_raised_on_purpose_has_one_root() -> None:
    classes = [one for name in errors.__all__ if inspect.isclass(one := getattr(errors, name)) and issubclass(one, Exception)]
    assert len(classes) == 12
    assert all(issubclass(one, FluxionError) for one in classes)


def test_the_tree_is_drawn_whole() -> None:
    drawn = errors.__doc__ or ""
    missing = [name for name in errors.__all__ if name.endswith("Error") and name not in drawn]
    assert [] == missing


@pytest.mark.parametrize(
    ("problem", "line"),
    [
        (Problem("stages[0].$match", "unknown"), "stages[0].$match: unknown"),
        (Problem("a", "unknown", "did you mean 'b'?"), "a: unknown; did you mean 'b'?"),
        (Problem("", "alone"), "alone"),
    ],
)
def test_a_problem_is_one_line(problem: Problem, line: str) -> None:
    assert line == str(problem)


@pytest.mark.parametrize("kind", [ConfigError, CompileError])
def test_all_problems_are_in_the_text(kind: type[ConfigError | CompileError]) -> None:
    error = kind([Problem("a", "one"), Problem("b", "two")])
    assert ("a: one\nb: two", 2) == (str(error), len(error.problems))


def test_a_single_text_is_a_problem() -> None:
    assert (Problem("", "wrong"),) == ConfigError("wrong").problems


@pytest.mark.parametrize(("path", "text"), [("stages[1].$set", "stages[1].$set: bad"), ("", "bad")])
def test_an_evaluation_error_names_its_stage(path: str, text: str) -> None:
    assert text == str(EvaluationError("bad", path))


def test_a_transient_error_carries_the_other_sides_wish() -> None:
    assert (None, 2.5) == (
        TransientError("a").retry_after_seconds,
        TransientError("a", retry_after_seconds=2.5).retry_after_seconds,
    )


@pytest.mark.parametrize(
    ("name", "known", "hint"),
    [
        ("$summ", ["$sum", "$avg"], "did you mean '$sum'?"),
        ("topick", ["topic", "group_id"], "did you mean 'topic'?"),
        ("bootstrapServers", ["bootstrap_servers"], "did you mean 'bootstrap_servers'?"),
        ("ADDFIELDS", ["$addFields"], "did you mean '$addFields'?"),
        ("zzz", ["topic"], ""),
        ("", ["topic"], ""),
        ("x", [], ""),
    ],
)
def test_a_hint_is_close_or_absent(name: str, known: list[str], hint: str) -> None:
    assert hint == did_you_mean(name, known)
