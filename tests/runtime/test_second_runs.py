"""What a run is told that finds the state of an earlier one and not what belongs to it."""

import pytest

from fluxion_core import SinkConfig, SourceConfig
from fluxion_core.spi import StateError

ADVICE = (
    'keep the state in memory too (state: {type: memory}; StateConfig("memory") as state_store in Python), '
    "or remove the state to start over"
)


def second_failure(bench, *sinks):
    """Run once to each of two sinks from one state; return what the second run ends with."""
    for sink in sinks[:-1]:
        bench.start(source=SourceConfig("memory", documents=[{"n": 1}]), sink=sink).wait(10)
    with pytest.raises(StateError) as caught:
        bench.start(source=SourceConfig("memory", documents=[{"n": 1}]), sink=sinks[-1]).wait(10)
    return str(caught.value)


def test_a_sink_that_ends_with_its_process_is_told_from_one_that_is_missing(bench):
    told = second_failure(bench, SinkConfig("memory", into=[]), SinkConfig("memory", into=[]))
    where = bench.folder / "state.db"
    assert (
        "sink 'memory': the target holds nothing, but 1 batches were delivered to it; what it holds ends with the process, "
        f"and the state ({where}) does not: {ADVICE}"
    ) == told


def test_a_sink_that_lasts_is_to_be_brought_back(bench):
    there, gone = (SinkConfig("file", path=str(bench.folder / name)) for name in ("there.ndjson", "gone.ndjson"))
    assert "bring back the one that is missing or older" in second_failure(bench, there, gone)
