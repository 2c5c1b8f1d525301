"""The suites catch components that break their contract: each of these is wrong in one way, and one test says so."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

pytest_plugins = ["pytester"]

SOURCE = """
import pytest
from fluxion_core.connectors.memory import MemorySource, MemorySourceOptions
from fluxion_core.spi import Batch, EndOfInput, Split
from fluxion_core.testing.suites import SourceCase, SourceSuite

ALL = [{"n": number} for number in range(5)]

class Wrong(MemorySource):
    '''Wrong in one way.'''
%s

class TestWrong(SourceSuite):
    @pytest.fixture
    def case(self):
        return SourceCase(make=lambda: Wrong(MemorySourceOptions(documents=ALL)), documents=ALL)
"""

SINK = """
import json
import pytest
from fluxion_core.connectors.file_sink import FileSink, FileSinkOptions
from fluxion_core.spi import Cursor, WriteResult
from fluxion_core.testing.suites import SinkCase, SinkSuite

class Wrong(FileSink):
    '''Wrong in one way.'''
%s

class TestWrong(SinkSuite):
    @pytest.fixture
    def case(self, tmp_path):
        path = tmp_path / "out"
        return SinkCase(
            make=lambda: Wrong(FileSinkOptions(path=path)),
            read=lambda: [json.loads(line) for line in path.read_bytes().splitlines()] if path.exists() else [],
        )
"""

STORE = """
import attrs
import pytest
from fluxion_core.state import SqliteStateStore
from fluxion_core.testing.suites import StateStoreCase, StateStoreSuite

class Wrong(SqliteStateStore):
    '''Wrong in one way.'''
%s

class TestWrong(StateStoreSuite):
    @pytest.fixture
    def case(self, tmp_path):
        return StateStoreCase(make=lambda: Wrong(path=tmp_path / "state.db"))
"""

CODEC = """
import json
import pytest
from fluxion_core.codecs import JsonCodec
from fluxion_core.testing.suites import CodecCase, CodecSuite

class Wrong(JsonCodec):
    '''Wrong in one way.'''
%s

class TestWrong(CodecSuite):
    @pytest.fixture
    def case(self):
        return CodecCase(make=Wrong, documents=[{"a": 1.0, "b": 2}], bad_payloads=[b"nope"])
"""

OPERATOR = """
import pytest
from fluxion_core import EvaluationError, Operator
from fluxion_core.language import MISSING, Example
from fluxion_core.testing.suites import OperatorCase, OperatorSuite

kept = {}

def pairs(items):
    if not isinstance(items, list):
        raise EvaluationError("an array is needed")
    return [[item, item] for item in items]
%s

class TestWrong(OperatorSuite):
    @pytest.fixture
    def case(self):
        examples = [
            Example({"$pairs": "$v"}, [[1, 1]], document={"v": [1]}),
            Example({"$pairs": "$v"}, document={"v": 1}, error=True),
            Example({"$pairs": "a"}, error=True),
        ]
        return OperatorCase(operator=Operator(name="$pairs", function=wrong, examples=examples))
"""

ACCUMULATOR = """
import pytest
from fluxion_core import Accumulator, EvaluationError
from fluxion_core.language import Example
from fluxion_core.testing.suites import AccumulatorCase, AccumulatorSuite

def count(state, value):
    state[0] += 1
    return state

whole = dict(
    name="$seen",
    initial=lambda: [0],
    step=count,
    result=lambda state: state[0],
    examples=[Example({"$seen": "$v"}, 2, documents=[{"_id": 1, "v": 5}, {"_id": 2, "v": 5}])],
)
%s

class TestWrong(AccumulatorSuite):
    @pytest.fixture
    def case(self):
        return AccumulatorCase(accumulator=Accumulator(**(whole | wrong)))
"""

STAGE = """
import pytest
from fluxion_core.errors import Problem, RecordError
from fluxion_core.spi import Stage
from fluxion_core.testing.suites import StageCase, StageSuite

class Wrong(Stage):
    '''Wrong in one way.'''
    name = "$double"
    pure = True
    @classmethod
    def check(cls, specification):
        return [] if isinstance(specification, str) else [Problem("", "a name was expected")]
    def process(self, documents):
        return [self.answer(document) for document in documents]
    def answer(self, document):
        return [document, document] if document.get("v") else RecordError("no v")
%s

class TestWrong(StageSuite):
    @pytest.fixture
    def case(self):
        return StageCase(stage=Wrong, specification="v", documents=[{"v": 1}, {"v": 2}], wrong=[5])
"""


@pytest.fixture
def failing(pytester: pytest.Pytester) -> Callable[[str, str], set[str]]:
    """Run a suite over a component with the given body, in a pytest of its own, and return the names of the tests that fail."""

    def failing(template: str, body: str) -> set[str]:
        indent = "    " if "class Wrong" in template else ""
        pytester.makepyfile(template % textwrap.indent(textwrap.dedent(body), indent))
        result = pytester.inline_run("-p", "no:cacheprovider", "-p", "no:xdist")
        return {report.nodeid.split("::")[-1] for report in result.getfailures("pytest_runtest_logreport")}

    return failing


def test_a_source_that_resumes_one_record_too_late(failing) -> None:
    """A record is lost at every restart."""
    body = """
    def open(self, context, positions):
        position = positions.get("0")
        super().open(context, {"0": min(position + 1, 5) if position else None})
    """
    assert "test_it_resumes_at_every_position_that_it_reported" in failing(SOURCE, body)


def test_a_source_that_keeps_its_own_offset(failing) -> None:
    """Opened again, it goes on where it was instead of where it is told."""
    body = """
    def open(self, context, positions):
        read = self._next
        super().open(context, positions)
        self._next = max(read, self._next)
    """
    assert {"test_opening_again_begins_at_the_positions_given"} == failing(SOURCE, body)


def test_a_source_that_ignores_the_size_of_a_batch(failing) -> None:
    """A bounded queue is only as good as that."""
    body = """
    def poll(self, max_records, timeout_seconds):
        return super().poll(max_records + 1, timeout_seconds)
    """
    assert "test_a_batch_holds_no_more_than_was_asked_for[1]" in failing(SOURCE, body)


def test_a_source_whose_positions_are_no_json(failing) -> None:
    """A tuple comes back as a list."""
    body = """
    def poll(self, max_records, timeout_seconds):
        batch = super().poll(max_records, timeout_seconds)
        return Batch(positions={"0": (self._next,)}, documents=batch.documents)
    """
    assert "test_positions_survive_json" in failing(SOURCE, body)


def test_a_source_without_a_name(failing) -> None:
    """A pipeline file could not name it."""
    assert {"test_the_class_declares_name_options_and_purpose"} == failing(SOURCE, "name = 'No Name'")


def test_a_sink_that_writes_every_redelivery(failing) -> None:
    """It claims to know batches and does not look."""
    body = """
    def write(self, batch):
        with self.config.path.open("ab") as file:
            file.write(batch.block)
        return WriteResult()
    """
    wrong = failing(SINK, body)
    assert {f"test_rule_{rule}" for rule in range(1, 6)} <= {name[: len("test_rule_1")] for name in wrong}


def test_a_sink_whose_cursor_is_written_before_the_records(failing) -> None:
    """Killed in between, it believes to hold what it lost."""
    body = """
    def _append(self, file, length, data):
        from fluxion_core.connectors.file_sink import _Mark
        mark = self._read_mark()
        self._write_mark(_Mark("suite", self._context.incarnation, self._context.epoch, mark.seq + 1, length))
        super()._append(file, length, data)
    """
    assert "test_rule_2_a_crash_within_a_write_leaves_no_half_batch" in failing(SINK, body)


def test_a_sink_that_does_not_compare_epochs(failing) -> None:
    """A process that was declared dead writes on."""
    body = """
    def write(self, batch):
        import attrs
        return super().write(attrs.evolve(batch, epoch=99))
    """
    assert "test_rule_3_an_older_epoch_is_fenced" in failing(SINK, body)


def test_a_store_that_loses_a_split(failing) -> None:
    """The positions of a seal replace all others."""
    body = """
    def load(self):
        loaded = super().load()
        return attrs.evolve(loaded, positions=dict(list(loaded.positions.items())[-1:]))
    """
    assert "test_seals_add_up" in failing(STORE, body)


def test_a_store_that_lets_anybody_in(failing) -> None:
    """Two owners at a time."""
    body = """
    def claim(self, pipeline_id, *, takeover=False):
        return super().claim(pipeline_id, takeover=True)
    """
    assert {"test_a_living_owner_is_respected"} == failing(STORE, body)


def test_a_store_that_does_not_fence(failing) -> None:
    """The former owner seals under the new owner's epoch."""
    body = """
    def seal(self, request):
        epoch = self._sql.execute("SELECT epoch FROM pipelines").fetchone()[0]
        super().seal(attrs.evolve(request, lease=attrs.evolve(request.lease, epoch=epoch)))
    """
    assert "test_a_takeover_fences_the_former_owner" in failing(STORE, body)


def test_a_codec_that_changes_types(failing) -> None:
    """1.0 comes back as 1."""
    body = """
    def encode(self, document):
        return json.dumps({name: int(value) for name, value in document.items()}).encode()
    """
    assert {"test_types_survive_the_round_trip"} == failing(CODEC, body)


def test_a_codec_that_raises_what_it_likes(failing) -> None:
    """A ``ValueError`` would stop the pipeline where the policy says skip."""
    body = """
    def decode(self, payload):
        return json.loads(payload)
    """
    assert {
        "test_a_payload_of_another_format_is_a_record_error",
        "test_one_bad_payload_of_a_batch_spoils_only_itself",
    } == failing(CODEC, body)


@pytest.mark.parametrize(
    ("body", "rules"),
    [
        ("wrong = pairs", set()),
        ("wrong = lambda items: pairs(items) + [0]", {1}),
        ("wrong = lambda items: items.append(1) or pairs(items[:-1]) if isinstance(items, list) else pairs(items)", {2}),
        ("wrong = lambda items: kept.setdefault(repr(items), pairs(items))", {2}),
        ("wrong = lambda items: [[item, item] for item in items]", {3}),
        ("wrong = lambda items: [{*items}]", {1, 3}),
        ("wrong = lambda items: [*pairs(items), kept.setdefault(len(kept), len(kept))]", {1, 4, 5, 6}),
    ],
    ids=[
        "right",
        "another answer",
        "changes its argument",
        "keeps its answer",
        "raises TypeError",
        "answers with a set",
        "counts",
    ],
)
def test_an_operator_that_breaks_a_rule(failing, body, rules) -> None:
    """Right ones fail nothing, and each mistake breaks the rules that it breaks."""
    broken = _rules(failing(OPERATOR, body))
    assert (rules <= broken, bool(rules)) == (True, bool(broken)), broken


@pytest.mark.parametrize(
    ("body", "rules"),
    [
        ("wrong = {}", set()),
        ("wrong = {'result': lambda state: state[0] + 1}", {1}),
        ("wrong = {'result': lambda state: state}", {2}),
        ("wrong = {'step': lambda state, value: [state[0] + len(value)]}", {3}),
        (
            "def step(state, value):\n    count(state, value)\n    if value is None:\n        raise EvaluationError('no')\n    return state\nwrong = {'step': step}",
            {3, 4},
        ),
        ("wrong = {'result': lambda state: state.append(state.pop() + 1) or state[0] - 1}", {5}),
        ("wrong = {'dump': lambda state: state[0], 'load': lambda plain: [0]}", {6}),
        ("wrong = {'dump': lambda state: {*state}}", {6}),
    ],
    ids=[
        "right",
        "another result",
        "hands out its state",
        "raises",
        "is half folded",
        "counts results",
        "forgets",
        "dumps a set",
    ],
)
def test_an_accumulator_that_breaks_a_rule(failing, body, rules) -> None:
    """Right ones fail nothing, and each mistake breaks the rules that it breaks."""
    broken = _rules(failing(ACCUMULATOR, body))
    assert (rules <= broken, bool(rules)) == (True, bool(broken)), broken


@pytest.mark.parametrize(
    ("body", "rules"),
    [
        ("", set()),
        ("check = classmethod(lambda cls, specification: [])", {1}),
        ("check = classmethod(lambda cls, specification: [] if specification.isalpha() else ['no'])", {1}),
        ("def process(self, documents):\n    return [[document] for document in documents[1:]]", {2, 4}),
        ("def answer(self, document):\n    return [document] if document.pop('v', 0) else []", {3}),
        ("def answer(self, document):\n    return [document] * document['v']", {4}),
        ("def process(self, documents):\n    return [[{'of': len(documents)}] for _ in documents]", {5}),
        ("def answer(self, document):\n    self.seen = getattr(self, 'seen', 0) + 1\n    return [{'n': self.seen}]", {6}),
    ],
    ids=["right", "checks nothing", "raises", "leaves out", "changes", "trusts", "counts a batch", "counts all"],
)
def test_a_stage_that_breaks_a_rule(failing, body, rules) -> None:
    """Right ones fail nothing, and each mistake breaks the rules that it breaks."""
    broken = _rules(failing(STAGE, body))
    assert (rules <= broken, bool(rules)) == (True, bool(broken)), broken


def _rules(tests: set[str]) -> set[int]:
    return {int(name.split("_")[2]) for name in tests if name.startswith("test_rule_")}


def test_a_subclass_without_its_fixture_is_told(pytester: pytest.Pytester, tmp_path: Path) -> None:
    """The message says which fixture to write."""
    pytester.makepyfile("from fluxion_core.testing.suites import SinkSuite\nclass TestNothing(SinkSuite):\n    pass\n")
    result = pytester.runpytest_inprocess("-p", "no:cacheprovider", "-p", "no:xdist")
    result.stdout.fnmatch_lines(["*write a fixture `case` that returns a SinkCase*"])
