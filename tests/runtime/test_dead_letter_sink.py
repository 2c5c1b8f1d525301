"""What goes wrong at one of two sinks says at which."""

import pytest

from fluxion_core import ErrorPolicy, SinkConfig, SourceConfig
from fluxion_core.spi import FatalError


def failure(bench, **parts):
    with pytest.raises(FatalError) as caught:
        bench.start(source=SourceConfig("generator", count=1), error_policy=ErrorPolicy.dead_letter(), **parts).wait(10)
    return str(caught.value)


def nowhere(bench):
    return SinkConfig("file", path=str(bench.folder / "none" / "out.ndjson"))


def test_an_error_of_the_dead_letter_sink_says_that_it_is_its(bench):
    told = failure(bench, dead_letter=nowhere(bench))
    where = bench.folder / "none" / "out.ndjson"
    assert f"dead-letter sink: {where}: cannot be written (No such file or directory)" == told.split(";")[0]


def test_an_error_of_the_sink_does_not(bench):
    told = failure(bench, sink=nowhere(bench), dead_letter=SinkConfig("wall"))
    assert f"{bench.folder / 'none' / 'out.ndjson'}: cannot be written" in told.split(" (")[0]
    assert "dead-letter" not in told
