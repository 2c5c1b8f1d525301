"""The pipeline file: text into a :class:`PipelineDefinition`, with every problem at once and the place of each.

Source of the format: docs/reference/pipeline-file.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, TypeVar

import attrs
import msgspec

from fluxion_core.config.constants import NO_STAGE, constant, constants
from fluxion_core.config.interpolate import interpolated
from fluxion_core.config.model import (
    CodecConfig,
    ComponentConfig,
    ErrorPolicy,
    PipelineDefinition,
    RetryPolicy,
    RunnerConfig,
    RuntimeConfig,
    SinkConfig,
    SourceConfig,
    StateConfig,
    snake_case,
    snake_case_keys,
)
from fluxion_core.config.text import Text, read_text
from fluxion_core.errors import ConfigError, Problem, did_you_mean

__all__ = ["PipelineFile", "load_pipeline", "load_stages", "read_file"]

C = TypeVar("C", bound=ComponentConfig)
T = TypeVar("T")

KEYS: Final = (
    "id", "source", "stages", "sink", "emit", "dead_letter", "error_policy", "delivery", "state", "runtime", "runner",
    "connections", "variables", "collections", "pipelines",
)  # fmt: skip
_REQUIRED: Final = ("id", "source", "sink")
_INTERPOLATED: Final = ("source", "sink", "dead_letter", "error_policy", "state", "runtime", "connections")
_WORDS: Final = {"emit": ("auto", "final", "updates", "each"), "delivery": ("auto", "exactly_once", "at_least_once")}
_POLICIES: Final = ("fail_fast", "skip", "dead_letter", "retry")


class PipelineFile(msgspec.Struct, frozen=True):
    """A pipeline file that was read: its definition, and where in which file everything stands."""

    definition: PipelineDefinition
    text: Text
    stages_text: Text | None = None

    def locate(self, problem: Problem) -> tuple[Path, Problem]:
        """Return the file in which *problem* stands, and the problem with its line and column."""
        if self.stages_text is not None and problem.path.startswith("stages["):
            return self.stages_text.file, self.stages_text.locate(problem)
        return self.text.file, self.text.locate(problem)


def load_pipeline(path: str | Path, *, environment: Mapping[str, str] | None = None) -> PipelineDefinition:
    """Return the pipeline that the file at *path* (YAML or JSON) defines; nothing is opened or imported for it.

    *environment* replaces the process's environment variables for ``${NAME}``.

    Raises:
        ConfigError: with every problem of the file, each with line and column.
    """
    file, problems = read_file(path, environment=environment)
    if problems or file is None:
        raise ConfigError(problems)
    return file.definition


def read_file(
    path: str | Path, *, environment: Mapping[str, str] | None = None
) -> tuple[PipelineFile | None, Sequence[Problem]]:
    """Return the pipeline file at *path* and what is wrong with it, each with line and column.

    What is wrong is replaced by something harmless, so that a tool can go on and find what else is; ``None`` if nothing is left.

    Raises:
        ConfigError: the file cannot be read, or is neither YAML nor JSON.
    """
    text = read_text(Path(path))
    builder = _Builder(text, os.environ if environment is None else environment)
    definition = builder.definition()
    problems = [text.locate(problem) for problem in builder.problems]
    return (None if definition is None else PipelineFile(definition, text, builder.stages_text)), problems


def load_stages(path: str | Path) -> list[dict[str, Any]]:
    """Return the stages in the file at *path*: a list, or an object with ``stages`` (or ``pipeline``).

    Constants that are written as Extended JSON (``{"$date": "2024-05-06T07:08:09Z"}``) are read.

    Raises:
        ConfigError: the file cannot be read, holds no list, or a type of Extended JSON in it is written wrongly.
    """
    problems: list[Problem] = []
    stages = constants(_stages_of(read_text(Path(path), "stages")), "stages", problems, NO_STAGE)
    if problems:
        raise ConfigError(problems)
    return stages


def _stages_of(text: Text) -> list[dict[str, Any]]:
    value = text.value
    if isinstance(value, dict):
        value = value.get("stages", value.get("pipeline"))
    if not isinstance(value, list):
        raise ConfigError([Problem("", f"{text.file} holds no list of stages", "write [{$match: ...}, ...]")])
    return value


def _elsewhere(problem: Problem, file: Path, where: str) -> Problem:
    """Return *problem* of another *file*, which holds what belongs at *where*, as one that tells the file and the place in it."""
    if problem.line is None:
        return problem if problem.path else msgspec.structs.replace(problem, path=where)
    return Problem(where, f"{file}:{problem.line}:{problem.column}: {problem.message}", problem.hint)


def _list_places(places: Mapping[str, tuple[int, int]]) -> dict[str, tuple[int, int]]:
    """Return *places* of a file of stages with the list itself called ``stages``, under whatever name it stands there."""
    return {re.sub(r"\Astages\.(stages|pipeline)\b", "stages", path): place for path, place in places.items()}


class _Builder:
    """Collects problems while it builds one definition."""

    def __init__(self, text: Text, environment: Mapping[str, str]) -> None:
        self.text = text
        self.stages_text: Text | None = None
        self.problems: list[Problem] = []
        self._environment = environment
        self._directory = text.file.resolve().parent

    def definition(self) -> PipelineDefinition | None:
        """Return the definition, or ``None`` after problems."""
        given = self._top()
        if given is None:
            return None
        stages = self._stages(given.get("stages", []))
        parts: dict[str, Any] = {
            "source": self._component("source", given.get("source"), SourceConfig),
            "sink": self._component("sink", given.get("sink"), SinkConfig),
            "dead_letter": self._component("dead_letter", given.get("dead_letter"), SinkConfig),
            "state_store": self._component("state", given.get("state"), StateConfig),
            "error_policy": self._policy(given.get("error_policy", "fail_fast"), "error_policy"),
            "runtime": self._runtime(given.get("runtime") or {}),
            "connections": self._connections(given.get("connections")),
            "variables": self._variables(given.get("variables")),
            "pipelines": self._pipelines(given.get("pipelines")),
            "collections": self._collections(given.get("collections")),
        }
        parts["source"] = parts["source"] or SourceConfig("")  # a problem was found, and this is never opened
        parts["sink"] = parts["sink"] or SinkConfig("")
        words = {name: given[name] for name in (*_WORDS, "runner") if name in given}
        if isinstance(words.get("runner"), dict):
            words["runner"] = self._component("runner", words["runner"], RunnerConfig) or "local"
        elif not isinstance(words.get("runner", ""), str):
            self.problems.append(Problem("runner", f"the name of a runner was expected, not {words.pop('runner')!r}"))
        for name, allowed in _WORDS.items():
            if name in words and words[name] not in allowed:
                hint = did_you_mean(str(words[name]), allowed) or f"one of {', '.join(allowed)}"
                self.problems.append(Problem(name, f"unknown word '{words.pop(name)}'", hint))

        def named(name: str) -> PipelineDefinition:
            return PipelineDefinition(id=name, stages=stages, base_dir=self._directory, **parts, **words)

        given_id = given.get("id")
        found = self._attempt(lambda: named(given_id), "id") if isinstance(given_id, str) else None
        return found or named("unnamed")

    def _top(self) -> dict[str, Any] | None:
        value = self.text.value
        if not isinstance(value, dict):
            found = "nothing" if value is None else f"a {type(value).__name__}"
            self.problems.append(Problem("", f"a pipeline is a mapping, not {found}", "see docs/reference/pipeline-file"))
            return None
        given: dict[str, Any] = {}
        for name, item in value.items():
            known = snake_case(name)
            if known == "pipeline_id":
                known = "id"
            if known not in KEYS:
                self.problems.append(
                    Problem(name, f"unknown key '{name}'", did_you_mean(name, KEYS) or f"known keys: {', '.join(KEYS)}")
                )
                continue
            if name in self.text.places:
                self.text.places.setdefault(known, self.text.places[name])
            if known in given:
                self.problems.append(Problem(name, f"'{known}' is given twice, in two spellings"))
            given[known] = interpolated(item, name, self._environment, self.problems) if known in _INTERPOLATED else item
        for name in _REQUIRED:
            if given.get(name) is None:
                self.problems.append(Problem(name, f"'{name}' is missing", "every pipeline has id, source and sink"))
        if not isinstance(given.get("id", ""), str):
            self.problems.append(Problem("id", "the id must be text", "put it in quotes"))
        return given

    def _attempt(self, action: Callable[[], T], where: str) -> T | None:
        try:
            return action()
        except ConfigError as error:
            self.problems += [
                problem if problem.path else msgspec.structs.replace(problem, path=where) for problem in error.problems
            ]
        except (TypeError, ValueError) as error:
            self.problems.append(Problem(where, str(error)))
        return None

    def _stages(self, value: Any) -> Sequence[Any]:
        if isinstance(value, str):
            loaded = self._file(value, "stages")
            if loaded is None:
                return []
            self.stages_text = msgspec.structs.replace(loaded, places=_list_places(loaded.places))
            return self._stages_in(self.stages_text, "stages") or []
        if not isinstance(value, list):
            self.problems.append(Problem("stages", "a list of stages, or the path of a file that holds one, was expected"))
            return []
        return constants(value, "stages", self.problems, NO_STAGE)

    def _file(self, name: str, where: str) -> Text | None:
        """Return the file *name*, which holds what belongs at *where*."""
        path = self._directory / name
        try:
            return read_text(path, where)
        except ConfigError as error:
            self.problems += [_elsewhere(problem, path, where) for problem in error.problems]
            return None

    def _stages_in(self, text: Text, where: str) -> list[Any] | None:
        """Return the stages that are all of *text* and belong at *where*."""
        stages = self._attempt(lambda: _stages_of(text), where)
        if stages is None:
            return None
        problems: list[Problem] = []
        found = constants(stages, where, problems, NO_STAGE)
        self.problems += [_elsewhere(text.locate(problem), text.file, where) for problem in problems]
        return found

    def _mapping(self, name: str, value: Any) -> dict[str, Any]:
        if value is None:
            return {}
        if not isinstance(value, dict):
            self.problems.append(Problem(name, f"a mapping was expected, not {value!r}"))
            return {}
        return value

    def _variables(self, value: Any) -> dict[str, Any]:
        given = self._mapping("variables", value)
        return {name: constant(item, f"variables.{name}", self.problems, None) for name, item in given.items()}

    def _connections(self, value: Any) -> dict[str, Any]:
        found = self._mapping("connections", value)
        for name, given in found.items():
            if isinstance(given, dict):
                self._note_spellings(f"connections.{name}", given)
        return found

    def _pipelines(self, value: Any) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name, given in self._mapping("pipelines", value).items():
            where = f"pipelines.{name}"
            if isinstance(given, str):
                text = self._file(given, where)
                stages = self._stages_in(text, where) if text is not None else None
                found[str(name)] = stages or []  # a problem was found, and this is never called
            elif isinstance(given, list):
                found[str(name)] = constants(given, where, self.problems, NO_STAGE)
            else:
                expected = "a list of stages, or the path of a file that holds one, was expected"
                self.problems.append(Problem(where, f"{expected}, not {given!r}"[:200]))
        return found

    def _collections(self, value: Any) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name, given in self._mapping("collections", value).items():
            where = f"collections.{name}"
            if isinstance(given, list):
                found[str(name)] = constants(given, where, self.problems, {})
                continue
            config = self._component(where, interpolated(given, where, self._environment, self.problems), SourceConfig)
            if config is not None:
                found[str(name)] = config
            elif given is None:
                self.problems.append(
                    Problem(where, "is empty", f"write {name}: {{type: file, path: ...}} or {name}: [{{...}}, ...]")
                )
        return found

    def _component(self, where: str, value: Any, kind: type[C]) -> C | None:
        if value is None:
            return None
        if isinstance(value, str):
            value = {"type": value}
        if not isinstance(value, dict) or not isinstance(value.get("type"), str):
            self.problems.append(Problem(where, "a mapping with 'type' was expected", f"write {where}: {{type: file, ...}}"))
            return None
        options = {name: item for name, item in value.items() if name not in {"type", "codec", "options"}}
        nested = value.get("options") or {}
        if not isinstance(nested, dict):
            self.problems.append(Problem(f"{where}.options", "a mapping of options was expected"))
            nested = {}
        repeated = {snake_case(str(name)) for name in options} & {snake_case(str(name)) for name in nested}
        for name in sorted(repeated):
            self.problems.append(
                Problem(f"{where}.options.{name}", f"'{name}' is given both beside 'type' and under 'options'")
            )
        codec = value.get("codec")
        if isinstance(codec, dict):
            codec = self._component(f"{where}.codec", codec, CodecConfig)
        elif codec is not None and not isinstance(codec, str):
            hint = "write codec: json, or codec: {type: ...} with the codec's options"
            self.problems.append(Problem(f"{where}.codec", "the name of a codec was expected", hint))
            codec = None
        self._note_spellings(where, value)
        return kind(value["type"], codec=codec, **snake_case_keys({**nested, **options}))

    def _note_spellings(self, where: str, value: Mapping[str, Any]) -> None:
        """Let a problem with ``source.bootstrap_servers`` be found at ``source.options.bootstrapServers``; refuse both at once."""
        for prefix, names in ((where, value), (f"{where}.options", value.get("options") or {})):
            seen: set[str] = set()
            for name in names if isinstance(names, Mapping) else ():
                full = snake_case(str(name))
                if full in seen:
                    self.problems.append(Problem(f"{prefix}.{name}", f"'{full}' is given twice, in two spellings"))
                seen.add(full)
                place = self.text.places.get(f"{prefix}.{name}")
                if place is not None:
                    self.text.places.setdefault(f"{where}.{full}", place)

    def _runtime(self, value: Any) -> RuntimeConfig:
        if not isinstance(value, dict):
            self.problems.append(Problem("runtime", "a mapping of options was expected"))
            return RuntimeConfig()
        self._note_spellings("runtime", value)
        found = self._attempt(lambda: RuntimeConfig.parse(snake_case_keys(value), where="runtime"), "runtime")
        return found or RuntimeConfig()

    def _policy(self, value: Any, where: str) -> ErrorPolicy:
        if isinstance(value, str) and value in {"fail_fast", "skip", "dead_letter"}:
            return ErrorPolicy(value)  # type: ignore[arg-type]  # one of the three words
        if value == "retry":
            return ErrorPolicy.retry()
        if isinstance(value, dict):
            given = snake_case_keys(value)
            if set(given) == {"dead_letter"}:
                return ErrorPolicy.dead_letter(self._component(f"{where}.dead_letter", given["dead_letter"], SinkConfig))
            if "retry" in given:
                for name in set(given) - {"retry", "then"}:
                    hint = did_you_mean(name, ["then"]) or "write {retry: {max_attempts: 5}, then: dead_letter}"
                    self.problems.append(Problem(f"{where}.{name}", f"unknown key '{name}' beside retry", hint))
                return self._retry(given, where)
            name = next((name for name in given if name not in {"then", "dead_letter"}), where)
        else:
            name = str(value)
        hint = (
            f"write error_policy: {name}, and nothing beside it"
            if name in _POLICIES
            else did_you_mean(name, _POLICIES)
            or "write fail_fast, skip, dead_letter, or {retry: {max_attempts: 5}, then: dead_letter}"
        )
        self.problems.append(Problem(where, f"unknown error policy '{name}'", hint))
        return ErrorPolicy()

    def _retry(self, given: Mapping[str, Any], where: str) -> ErrorPolicy:
        then = self._policy(given.get("then", "fail_fast"), f"{where}.then")
        if then.retrying is not None:
            self.problems.append(Problem(f"{where}.then", "retry may not follow retry", "give max_attempts a larger number"))
        if given["retry"] is not None and not isinstance(given["retry"], dict):
            self.problems.append(
                Problem(f"{where}.retry", "a mapping of options was expected", "write retry: {max_attempts: 5}")
            )
        options = snake_case_keys(given["retry"] if isinstance(given["retry"], dict) else {})
        known = [field.name for field in attrs.fields(RetryPolicy)]
        aliases = {"backoff": "backoff_seconds", "max_backoff": "max_backoff_seconds"}
        parsed: dict[str, Any] = {}
        for name, item in options.items():
            full = aliases.get(name, name)
            if full not in known:
                self.problems.append(Problem(f"{where}.retry.{name}", f"unknown option '{name}'", did_you_mean(name, known)))
            elif isinstance(item, bool) or not isinstance(item, int | float):
                self.problems.append(Problem(f"{where}.retry.{name}", f"a number was expected, not {item!r}"))
            elif full == "max_attempts" and not isinstance(item, int):
                self.problems.append(Problem(f"{where}.retry.{name}", f"an integer was expected, not {item!r}"))
            else:
                parsed[full] = item
        retrying = self._attempt(lambda: RetryPolicy(**parsed), f"{where}.retry")
        return ErrorPolicy(then.action, retrying, then.sink)
