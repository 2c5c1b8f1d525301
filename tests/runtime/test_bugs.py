"""What a component raises that it may not raise ends the run as a bug, with 70, and the component is named."""

import sys
from typing import ClassVar

import pytest

from fluxion_core import SinkConfig, SourceConfig, load_plugins
from fluxion_core.connectors.memory import MemorySource
from fluxion_core.errors import PluginError, RecordError
from fluxion_core.language import Accumulator, Operator
from fluxion_core.observability.events import Warned
from fluxion_core.spi import Batch, Codec, Runner, Sink, Split, Stage, WriteResult


def leave(*_arguments):
    sys.exit(0)


def fail(*_arguments):
    raise ValueError("plain value error")


@pytest.fixture(params=[(leave, "SystemExit: 0"), (fail, "ValueError: plain value error")], ids=["leaves", "fails"])
def act(request):
    """What a component does wrong, and how it is told."""
    return request.param


def with_parts(*parts):
    components = load_plugins().components
    for kind, part in parts:
        components = components.with_class(kind, part)
    return components


def end_of(bench, *parts, source="memory", sink="wall", sink_codec=None, stages=()):
    """Run one document to the end and return the error."""
    handle = bench.start(
        source=SourceConfig(source, documents=[{"a": 1}]),
        sink=SinkConfig(sink, codec=sink_codec),
        stages=list(stages),
        components=with_parts(*parts),
    )
    with pytest.raises(PluginError) as caught:
        handle.wait(10)
    assert handle.status() == "failed"
    return str(caught.value)


def bug(where, what):
    return f"{where}: {what} (this is a bug in that component; --debug shows where)"


@pytest.mark.parametrize("call", ["open", "write", "close"])
def test_a_sink_is_named(bench, act, call):
    class Bad(Sink):
        name = "bad"

        def open(self, context):
            if call == "open":
                act[0]()

        def write(self, batch):
            if call == "write":
                act[0]()
            return WriteResult()

        def close(self):
            if call == "close":
                act[0]()

    assert bug(f"sink 'bad': {call}()", act[1]) == end_of(bench, ("sink", Bad), sink="bad")


@pytest.mark.parametrize("prompt", [True, False])
@pytest.mark.parametrize("call", ["splits", "open", "poll", "close"])
def test_a_source_is_named(bench, act, call, prompt):
    def wrong(self, *_arguments):
        act[0]()

    wrong.__code__ = wrong.__code__.replace(co_name=call)
    bad = type("Bad", (MemorySource,), {"name": "bad", "prompt": prompt, call: wrong})
    assert bug(f"source 'bad': {call}()", act[1]) == end_of(bench, ("source", bad), source="bad")


def test_a_codec_is_named(bench, act):
    class Bad(Codec):
        name = "bad"

        def encode(self, document):
            act[0]()

        def decode(self, payload):
            return {}

        def decode_batch(self, payloads):
            return []

    assert bug("codec 'bad': encode()", act[1]) == end_of(bench, ("codec", Bad), sink_codec="bad")


def test_an_operator_is_named(bench, act):
    operator = Operator(name="$z", function=act[0])
    assert bug("operator '$z'", act[1]) == end_of(bench, ("operator", operator), stages=[{"$set": {"b": {"$z": "$a"}}}])


def test_an_operator_that_asks_the_outside_is_named(bench, act):
    operator = Operator(name="$z", evaluate_batch=act[0], pure=False, foldable=False)
    assert bug("operator '$z'", act[1]) == end_of(bench, ("operator", operator), stages=[{"$set": {"b": {"$z": "$a"}}}])


def test_an_accumulator_is_named(bench, act):
    accumulator = Accumulator(name="$tumble", initial=int, step=act[0])
    stages = [{"$group": {"_id": None, "b": {"$tumble": "$a"}}}]
    assert bug("accumulator '$tumble'", act[1]) == end_of(bench, ("accumulator", accumulator), stages=stages)


def stage_that(process):
    """Return a stage ``$bad`` that does *process* with its documents."""

    class Bad(Stage):
        name = "$bad"

        @classmethod
        def check(cls, specification):
            return []

        def process(self, documents):
            return process(documents)

    return Bad


def test_a_stage_is_named(bench, act):
    bad = stage_that(lambda _documents: act[0]())
    assert bug("stage '$bad': process()", act[1]) == end_of(bench, ("stage", bad), stages=[{"$bad": {}}])


def test_of_operators_that_share_their_code_none_is_accused(bench):
    def made(what):
        return lambda value: fail(what, value)

    operators = [("operator", Operator(name=name, function=made(name))) for name in ("$y", "$z")]
    expected = "ValueError: plain value error (this is a bug in a component or in Fluxion; --debug shows where)"
    assert expected == end_of(bench, *operators, stages=[{"$set": {"b": {"$z": "$a"}}}])


def test_a_component_that_cannot_be_made_is_named(bench, act):
    class Bad(MemorySource):
        name = "bad"

        def __init__(self, config):
            act[0]()

    with pytest.raises(PluginError) as caught:
        bench.start(source=SourceConfig("bad", documents=[]), components=with_parts(("source", Bad)))
    assert bug("source 'bad': __init__()", act[1]) == str(caught.value)


def test_a_stage_that_cannot_check_what_it_is_given_is_named(bench, act):
    class Bad(Stage):
        name = "$bad"

        @classmethod
        def check(cls, specification):
            act[0]()

        def process(self, documents):
            return []

    with pytest.raises(PluginError) as caught:
        bench.start(stages=[{"$bad": {}}], components=with_parts(("stage", Bad)))
    assert bug("stage '$bad': check()", act[1]) == str(caught.value)


# --- what is no document is not sealed ----------------------------------------------------------------------------------


class Numbers(MemorySource):
    """Hands out a number in place of a document, until it is mended."""

    name = "numbers"
    mended: ClassVar[bool] = False

    def poll(self, max_records, timeout_seconds):
        batch = super().poll(max_records, timeout_seconds)
        return batch if self.mended else Batch(positions=batch.positions, documents=[*batch.documents[:-1], 5])


def test_a_source_that_gives_no_document_is_named_and_nothing_is_sealed(bench, monkeypatch):
    expected = "source 'numbers' gave int as document 0; the contract says dict (this is a bug in that component)"
    assert expected == end_of(bench, ("source", Numbers), source="numbers")
    monkeypatch.setattr(Numbers, "mended", True)
    source = SourceConfig("numbers", documents=[{"a": 1}])
    bench.start(source=source, components=with_parts(("source", Numbers))).wait(10)
    assert [{"a": 1}] == bench.wall.lines


def test_a_codec_that_gives_no_document_is_named(bench):
    class Bad(Codec):
        name = "bad"

        def encode(self, document):
            return b"{}"

        def decode(self, payload):
            return {}

        def decode_batch(self, payloads):
            return [5 for _ in payloads]

    source = bench.file("in.ndjson", {"a": 1})
    source = SourceConfig("file", codec="bad", **source.options)
    with pytest.raises(PluginError, match=r"^codec 'bad': decode_batch\(\) gave int as document 0; the contract says dict"):
        bench.start(source=source, components=with_parts(("codec", Bad))).wait(10)


def test_a_stage_that_gives_no_document_is_named(bench):
    bad = stage_that(lambda documents: [[5] for _ in documents])
    found = end_of(bench, ("stage", bad), stages=[{"$bad": {}}])
    assert found.startswith("stage '$bad': process() gave int as document 0; the contract says dict")


# --- what is only advice ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("call", ["commit", "lag"])
def test_a_source_whose_advice_fails_is_told_once_and_the_run_goes_on(bench, act, call):
    bad = type("Bad", (MemorySource,), {"name": "bad", call: act[0]})
    documents = [{"a": number} for number in range(20)]
    runtime = {"micro_batch_size": 1, "seal_interval_seconds": 0, "direct_handoff": True}
    source = SourceConfig("bad", documents=documents)
    bench.start(source=source, components=with_parts(("source", bad)), runtime=runtime).wait(10)
    assert documents == bench.wall.lines
    expected = [f"source 'bad': {call}: {act[1]} (this is a bug in that component, told once; the run goes on)"]
    assert expected == [event.message for event in bench.events if isinstance(event, Warned)]


class Numbered(MemorySource):
    """A source that names its splits by numbers."""

    name = "numbered"
    declared: ClassVar[list[Split]] = [Split("0")]

    def splits(self, context):
        return self.declared

    def poll(self, max_records, timeout_seconds):
        return Batch(positions={0: 1}, documents=super().poll(max_records, timeout_seconds).documents)


@pytest.mark.parametrize(("declared", "call"), [([Split("0")], "poll"), ([Split(0)], "splits")])
def test_a_split_that_is_named_by_a_number_is_a_breach_of_the_contract(bench, monkeypatch, declared, call):
    """JSON gives the number back as text, so the next run would begin at the beginning."""
    monkeypatch.setattr(Numbered, "declared", declared)
    expected = f"source 'numbered': {call}() names a split 0, of type int; the contract says text, such as '0'"
    assert expected == end_of(bench, ("source", Numbered), source="numbered")
    assert [] == bench.wall.lines


# --- what is no answer is told with the call ------------------------------------------------------------------------------

BUG = "(this is a bug in that component)"


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        (lambda _documents: None, "gave NoneType; the contract says a list"),
        (lambda _documents: [], "gave 0 answers to 1 documents"),
        (
            lambda documents: [None for _ in documents],
            "answered with NoneType; the contract says a list of documents, or an error",
        ),
        (lambda documents: documents, "answered with dict; the contract says a list of documents, or an error"),
    ],
)
def test_a_stage_that_does_not_answer_is_told(bench, answers, expected):
    found = end_of(bench, ("stage", stage_that(answers)), stages=[{"$bad": {}}])
    assert f"stage '$bad': process() {expected} {BUG}" == found


def test_a_stage_that_says_nothing_of_what_it_is_given_is_told(bench):
    bad = stage_that(lambda documents: [[document] for document in documents])
    bad.check = classmethod(lambda _cls, _specification: None)
    with pytest.raises(PluginError) as caught:
        bench.start(stages=[{"$bad": {}}], components=with_parts(("stage", bad)))
    assert f"stage '$bad': check() gave None; the contract says a list of Problem {BUG}" == str(caught.value)


@pytest.mark.parametrize(
    ("answers", "expected"),
    [(None, "gave NoneType; the contract says a list"), ([], "gave 0 answers to 1 calls")],
)
def test_an_operator_that_does_not_answer_is_told(bench, answers, expected):
    operator = Operator(name="$z", evaluate_batch=lambda _calls, _effects: answers, pure=False, foldable=False)
    found = end_of(bench, ("operator", operator), stages=[{"$set": {"b": {"$z": "$a"}}}])
    assert f"operator '$z': evaluate_batch() {expected} {BUG}" == found


class Mute(Codec):
    """Gives nothing."""

    name = "mute"

    def encode(self, document):
        return None

    def decode(self, payload):
        return {}

    def decode_batch(self, payloads):
        return None


def test_a_codec_that_gives_no_bytes_is_told_before_anything_is_sealed(bench):
    assert f"codec 'mute': encode() gave NoneType; the contract says bytes {BUG}" == end_of(
        bench, ("codec", Mute), sink_codec="mute"
    )


def test_a_codec_that_does_not_answer_is_told(bench):
    source = SourceConfig("memory", payloads=[b"x"], codec="mute")
    with pytest.raises(PluginError) as caught:
        bench.start(source=source, components=with_parts(("codec", Mute))).wait(10)
    assert f"codec 'mute': decode_batch() gave NoneType; the contract says a list {BUG}" == str(caught.value)


def test_an_error_of_a_record_that_is_raised_where_it_should_be_an_answer_is_told(bench):
    def refuse(_documents):
        raise RecordError("no")

    found = end_of(bench, ("stage", stage_that(refuse)), stages=[{"$bad": {}}])
    assert bug("stage '$bad': process()", "RecordError: no") == found


class Idle(Runner):
    """Starts nothing."""

    name = "idle"

    def start(self, plan):
        return None


def ended_by_runner(bench, runner):
    with pytest.raises(PluginError) as caught:
        bench.start(runner="idle", components=with_parts(("runner", runner)))
    return str(caught.value)


def test_a_runner_is_named(bench, act):
    bad = type("Bad", (Idle,), {"start": lambda self, plan: act[0]()})
    assert bug("runner 'idle': <lambda>()", act[1]) == ended_by_runner(bench, bad)


def test_a_runner_that_starts_nothing_is_told(bench):
    assert f"runner 'idle': start() gave NoneType; the contract says an Execution {BUG}" == ended_by_runner(bench, Idle)
