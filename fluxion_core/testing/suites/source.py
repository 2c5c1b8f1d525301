"""The contract of a source, as tests."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import attrs
import pytest

from fluxion_core.spi import Batch, Context, Document, EndOfInput, Json, Source
from fluxion_core.testing.suites.declarations import declaration_problems

__all__ = ["SourceCase", "SourceSuite"]

Positions = dict[str, Json]


@attrs.frozen(kw_only=True)
class SourceCase:
    """A source and what is there to read.

    *make* returns a new source each time, all of the same input. Exactly one of *payloads* and *documents* lists the records, at
    least three; in order if the source has one split, in any order if it has several. *patience_seconds* is how long the tests
    wait for a record that must come; *idle_seconds* how long a poll waits where nothing is left.
    """

    make: Callable[[], Source[Any]]
    payloads: Sequence[bytes] | None = None
    documents: Sequence[Document] | None = None
    patience_seconds: float = 30.0
    idle_seconds: float = 0.05

    @property
    def records(self) -> list[Any]:
        """What there is to read."""
        return list(self.payloads if self.payloads is not None else self.documents or ())


@attrs.define
class _Reader:
    """An open source, what it gave so far, and the positions that the runtime would have sealed."""

    source: Source[Any]
    case: SourceCase
    positions: Positions
    records: list[Any] = attrs.field(factory=list)

    def poll(self, max_records: int = 500) -> Batch:
        """Poll once, and keep what came."""
        batch = self.source.poll(max_records, self.case.idle_seconds)
        self.positions |= batch.positions
        self.records += _records(batch)
        return batch

    def read(self, count: int, max_records: int = 500) -> list[Any]:
        """Poll until *count* records came, or the input ended, or patience did; return all that came."""
        deadline = time.monotonic() + self.case.patience_seconds
        while len(self.records) < count and time.monotonic() < deadline:
            try:
                self.poll(min(max_records, count - len(self.records)))
            except EndOfInput:
                break
        return self.records


def _records(batch: Batch) -> list[Any]:
    return list(batch.documents if batch.documents is not None else batch.payload_list() or ())


class SourceSuite:
    """Subclass, and return a :class:`SourceCase` from the fixture ``case``."""

    @pytest.fixture
    def case(self) -> SourceCase:
        """Return the source to test; every subclass has its own."""
        msg = "write a fixture `case` that returns a SourceCase"
        raise NotImplementedError(msg)

    @pytest.fixture
    def context(self) -> Context:
        """Return what the source is opened with; override for one that needs connections or a directory."""
        return Context(pipeline_id="suite", incarnation="00000000000000aa", epoch=1)

    @pytest.fixture
    def reading(self, case: SourceCase, context: Context) -> Callable[..., Any]:
        """Return a context manager that opens a new source at given positions, and closes it."""

        @contextmanager
        def reading(positions: Mapping[str, Json] | None = None) -> Iterator[_Reader]:
            source = case.make()
            try:
                splits = source.splits(context)
                start: dict[str, Json] = {split.id: None for split in splits} | dict(positions or {})
                source.open(context, start)
                yield _Reader(source, case, dict(positions or {}))
            finally:
                source.close()

        return reading

    def test_the_class_declares_name_options_and_purpose(self, case: SourceCase) -> None:
        """A source class has a name, an Options class, a docstring, and a doc for each option."""
        assert declaration_problems("source", type(case.make())) == []

    def test_splits_have_ids_that_stay(self, case: SourceCase, context: Context) -> None:
        """``splits`` names at least one split; ids differ from each other, and are the same after a restart."""
        first, second = case.make(), case.make()
        try:
            ids = [split.id for split in first.splits(context)]
            assert ids
            assert len(ids) == len(set(ids))
            assert ids == [split.id for split in second.splits(context)]
        finally:
            first.close()
            second.close()

    def test_it_hands_out_every_record_once(self, case: SourceCase, reading: Any) -> None:
        """From no position, every record comes, once, and in order where there is one split."""
        with reading() as reader:
            _same(case, case.records, reader.read(len(case.records)), reader.positions)

    def test_nothing_comes_behind_the_last_record(self, case: SourceCase, reading: Any) -> None:
        """After the last record a bounded source raises ``EndOfInput``, again and again; another returns an empty batch."""
        with reading() as reader:
            reader.read(len(case.records))
            for _ in range(2):
                if reader.source.bounded:
                    with pytest.raises(EndOfInput):
                        _until_end(reader)
                else:
                    assert len(reader.poll()) == 0

    def test_a_prompt_source_needs_no_time_for_its_first_record(self, case: SourceCase, reading: Any) -> None:
        """A source that declares ``prompt`` returns what it has at the first poll with a timeout of 0."""
        with reading() as reader:
            if type(reader.source).prompt:
                assert len(reader.source.poll(len(case.records) or 1, 0.0)) > 0

    @pytest.mark.parametrize("most", [1, 2, 3])
    def test_a_batch_holds_no_more_than_was_asked_for(self, case: SourceCase, reading: Any, most: int) -> None:
        """``poll(max_records)`` returns that many at most, and the rest comes later."""
        with reading() as reader:
            deadline = time.monotonic() + case.patience_seconds
            while len(reader.records) < len(case.records) and time.monotonic() < deadline:
                assert len(reader.poll(most)) <= most
            _same(case, case.records, reader.records, reader.positions)

    def test_every_column_has_one_entry_per_record(self, case: SourceCase, reading: Any) -> None:
        """The columns of a batch (keys, timestamps, headers, splits, record positions) are as long as its content."""
        columns = ("splits", "record_positions", "keys", "timestamps", "headers")
        with reading() as reader:
            deadline = time.monotonic() + case.patience_seconds
            while len(reader.records) < len(case.records) and time.monotonic() < deadline:
                batch = reader.poll(2)
                for name in columns:
                    column = getattr(batch, name)
                    assert column is None or len(batch) == len(column), name

    def test_a_batch_with_records_moves_a_position(self, reading: Any) -> None:
        """Whoever hands out records says where to resume behind them, for splits that ``splits`` or ``poll`` named."""
        with reading() as reader:
            reader.read(1, max_records=1)
            assert reader.positions

    def test_positions_survive_json(self, case: SourceCase, reading: Any) -> None:
        """A position is a small JSON value: the state store keeps it as such."""
        with reading() as reader:
            reader.read(len(case.records))
            for split, position in reader.positions.items():
                assert position == json.loads(json.dumps(position)), split
                assert len(json.dumps(position)) < 4096, split

    def test_it_resumes_at_every_position_that_it_reported(self, case: SourceCase, reading: Any) -> None:
        """Opened at a position that ``poll`` reported, it hands out exactly what came behind it (``replayable``)."""
        _needs_replayable(case)
        for count in range(len(case.records) + 1):
            with reading() as reader:
                before = list(reader.read(count, max_records=1))
                positions = json.loads(json.dumps(reader.positions))
            with reading(positions) as reader:
                after = reader.read(len(case.records) - count)
                _same(case, case.records, before + after, reader.positions)

    def test_what_was_polled_but_not_sealed_comes_again(self, case: SourceCase, reading: Any) -> None:
        """A restart begins at the sealed positions, wherever an earlier life has read ahead to (``replayable``)."""
        _needs_replayable(case)
        with reading() as reader:
            first = list(reader.read(1, max_records=1))
            sealed = dict(reader.positions)
            reader.read(len(case.records))
        with reading(sealed) as reader:
            _same(case, case.records, first + reader.read(len(case.records) - 1), reader.positions)

    def test_opening_again_begins_at_the_positions_given(self, case: SourceCase, context: Context, reading: Any) -> None:
        """``open`` is called again after a ``TransientError``: nothing that was read ahead before may be left (``replayable``)."""
        _needs_replayable(case)
        with reading() as reader:
            reader.read(2, max_records=1)
            starts = {split.id: None for split in case.make().splits(context)}
            reader.source.open(context, starts)
            reader.records.clear()
            _same(case, case.records, reader.read(len(case.records)), reader.positions)

    def test_the_batches_do_not_change_the_records(self, case: SourceCase, reading: Any) -> None:
        """However the reading is cut into batches, the records are the same."""
        with reading() as one, reading() as other:
            _same(case, one.read(len(case.records), max_records=1), other.read(len(case.records)), one.positions)

    def test_a_commit_is_advice(self, case: SourceCase, reading: Any) -> None:
        """``commit`` changes nothing about what ``poll`` hands out next."""
        with reading() as reader:
            reader.read(1, max_records=1)
            reader.source.commit(reader.positions)
            reader.source.commit(reader.positions)
            _same(case, case.records, reader.read(len(case.records)), reader.positions)

    def test_lag_is_a_count_or_unknown(self, case: SourceCase, reading: Any) -> None:
        """``lag`` returns how many records wait, or ``None``, before and after reading."""
        with reading() as reader:
            before = reader.source.lag()
            reader.read(len(case.records))
            after = reader.source.lag()
            assert all(lag is None or lag >= 0 for lag in (before, after))

    def test_pieces_hold_what_polling_hands_out(self, case: SourceCase, context: Context, reading: Any) -> None:
        """Read by objects that were never opened, in any order, the pieces hold every record once, in their order (``pieces``)."""
        _needs_parallel(case, "pieces")
        with reading() as reader:
            whole = list(reader.read(len(case.records)))
            positions = reader.positions
        with reading() as cutting:
            pieces = json.loads(json.dumps(_pieces(cutting.source)))
        batches: dict[int, list[Batch]] = {}
        for number in reversed(range(len(pieces))):
            other = case.make()
            batches[number] = list(other.read_piece(context, pieces[number]))
            other.close()
        inside = [batch for number in range(len(pieces)) for batch in batches[number]]
        last = {split: position for batch in inside for split, position in batch.positions.items()}
        assert (whole, positions) == ([record for batch in inside for record in _records(batch)], last)

    def test_some_of_the_splits_hold_their_records_alone(self, case: SourceCase, context: Context) -> None:
        """Opened with each split alone, objects of one source hand out every record once between them (``splits``)."""
        _needs_parallel(case, "splits")
        readers = {}
        for split in case.make().splits(context):
            source = case.make()
            source.splits(context)
            source.open(context, {split.id: None})
            readers[split.id] = _Reader(source, case, {})
        ended: set[str] = set()
        deadline = time.monotonic() + case.patience_seconds
        while sum(len(reader.records) for reader in readers.values()) < len(case.records) and time.monotonic() < deadline:
            for split_id in readers.keys() - ended:
                try:
                    readers[split_id].poll()
                except EndOfInput:
                    ended.add(split_id)
        for split_id, reader in readers.items():
            reader.source.close()
            assert {split_id} >= set(reader.positions)
        positions = {split_id: place for reader in readers.values() for split_id, place in reader.positions.items()}
        _same(case, case.records, [record for reader in readers.values() for record in reader.records], positions)

    def test_a_poll_returns_early_when_the_pipeline_stops(self, case: SourceCase, context: Context, reading: Any) -> None:
        """A poll that waits looks at ``context.stopping``: it must not sit out its timeout."""
        with reading() as reader:
            reader.read(len(case.records))
            context.stopping.set()
            began = time.monotonic()
            try:
                reader.source.poll(1, 20.0)
            except EndOfInput:
                assert reader.source.bounded
            assert time.monotonic() - began < 10

    def test_closing_is_always_allowed(self, case: SourceCase, reading: Any) -> None:
        """``close`` may come without ``open``, and twice."""
        case.make().close()
        with reading() as reader:
            reader.poll(1)
            reader.source.close()


def _needs_replayable(case: SourceCase) -> None:
    if not case.make().replayable:
        pytest.skip("the source declares replayable = False")


def _needs_parallel(case: SourceCase, how: str) -> None:
    if case.make().parallel != how:
        pytest.skip(f"the source does not declare parallel = '{how}'")


def _pieces(source: Source[Any]) -> list[Json]:
    found: list[Json] = []
    try:
        while (piece := source.next_piece(0.0)) is not None:
            found.append(piece)
    except EndOfInput:
        pass
    return found


def _until_end(reader: _Reader) -> None:
    """Poll until the end is reported; what comes before it must be empty."""
    deadline = time.monotonic() + reader.case.patience_seconds
    while time.monotonic() < deadline:
        assert len(reader.poll()) == 0


def _same(case: SourceCase, expected: list[Any], got: list[Any], positions: Positions) -> None:
    if len(positions) > 1:  # order holds within a split only
        expected, got = sorted(expected, key=repr), sorted(got, key=repr)
    assert expected == got, type(case.make()).name
