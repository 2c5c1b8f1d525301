"""A codec and a runner are named alone, or with the options that they declare."""

from __future__ import annotations

import attrs
import pytest

from fluxion_core import (
    CodecConfig,
    ConfigError,
    PipelineDefinition,
    PipelineOrchestrator,
    RunnerConfig,
    SinkConfig,
    SourceConfig,
    StateConfig,
    load_pipeline,
    load_plugins,
)
from fluxion_core.runtime.binding import bind
from fluxion_core.runtime.local import LocalRunner
from fluxion_core.runtime.parallel.launch import _told
from fluxion_core.runtime.parallel.spawned import _definition
from fluxion_core.spi import REQUIRED, Codec, Options, option


@attrs.frozen
class WordOptions(Options):
    fields: list[str] = option(REQUIRED, "What the words are called.")


class WordCodec(Codec[WordOptions]):
    """Words with spaces between them."""

    name = "words"
    options = WordOptions

    def decode(self, payload):
        return dict(zip(self.config.fields, payload.decode().split(), strict=True))

    def encode(self, document):
        return " ".join(document[field] for field in self.config.fields).encode()


@attrs.frozen
class PatientOptions(Options):
    seconds: float = option(REQUIRED, "How long it would wait.")


class PatientRunner(LocalRunner):
    """Notes its options, and runs."""

    name = "patient"
    options = PatientOptions

    def start(self, plan):
        PatientRunner.noted = self.config.seconds
        return super().start(plan)


COMPONENTS = load_plugins().components.with_class("codec", WordCodec).with_class("runner", PatientRunner)


def bound_file(tmp_path, *, source_codec="words", runner="local"):
    path = tmp_path / "p.yaml"
    path.write_text(
        f"id: p\nsource: {{type: file, path: in, codec: {source_codec}}}\nrunner: {runner}\n"
        "sink: {type: file, path: out, codec: {type: words, options: {fields: [b, a]}}}\n"
    )
    return bind(load_pipeline(path), COMPONENTS)


def problems(tmp_path, **parts):
    with pytest.raises(ConfigError) as caught:
        bound_file(tmp_path, **parts)
    return [str(problem) for problem in caught.value.problems]


def test_the_options_of_a_codec_stand_beside_its_type(tmp_path):
    (tmp_path / "in").write_text("one two\n")
    bound = bound_file(tmp_path, source_codec="{type: words, fields: [a, b]}")
    PipelineOrchestrator(COMPONENTS).run(bound.definition).wait(30)
    assert (tmp_path / "out").read_text() == "two one\n"


def test_a_program_gives_the_options_of_a_codec_too():
    results = []
    source = SourceConfig("memory", payloads=[b"one two"], codec=CodecConfig("words", fields=["a", "b"]))
    definition = PipelineDefinition(
        id="p", source=source, sink=SinkConfig("memory", into=results), state_store=StateConfig("memory")
    )
    PipelineOrchestrator(COMPONENTS).run(definition).wait(30)
    assert [{"a": "one", "b": "two"}] == results


@pytest.mark.parametrize(
    ("given", "letter"),
    [
        ("words", "source.codec.fields: required option is missing"),
        ("{type: words, fields: [a], field: 1}", "source.codec.field: unknown option 'field'; did you mean 'fields'?"),
        ("{type: word, fields: [a]}", "source.codec.type: unknown codec 'word'; did you mean 'words'?"),
        ("word", "source.codec: unknown codec 'word'; did you mean 'words'?"),
        ("{fields: [a]}", "source.codec: a mapping with 'type' was expected"),
        ("[words]", "source.codec: the name of a codec was expected; write codec: json, or codec: {type: ...}"),
    ],
)
def test_what_is_wrong_with_a_codec_is_told_where_it_stands(tmp_path, given, letter):
    (found,) = problems(tmp_path, source_codec=given)
    assert found.startswith(letter)


def test_a_worker_is_told_the_options_of_the_codecs(tmp_path):
    bound = bound_file(tmp_path, source_codec="{type: words, fields: [a, b]}")
    worker = _definition(_told(bound))
    assert (CodecConfig("words", fields=["a", "b"]), bound.definition.sink) == (worker.source.codec, worker.sink)


def test_the_options_of_a_runner_stand_beside_its_type(tmp_path):
    (tmp_path / "in").write_text("one two\n")
    bound = bound_file(tmp_path, source_codec="{type: words, fields: [a, b]}", runner="{type: patient, seconds: 5}")
    PipelineOrchestrator(COMPONENTS).run(bound.definition).wait(30)
    assert (RunnerConfig("patient", seconds=5), 5.0) == (bound.definition.runner, PatientRunner.noted)


def test_a_runner_that_lacks_an_option_is_told_before_anything_starts(tmp_path):
    (found,) = problems(tmp_path, source_codec="{type: words, fields: [a, b]}", runner="patient")
    assert found.startswith("runner.seconds: required option is missing")
