from __future__ import annotations

from collections import Counter
from threading import Event
from typing import Any

import attrs
import pytest

from fluxion_core.connectors import GeneratorSource
from fluxion_core.connectors.generator import GeneratorOptions
from fluxion_core.errors import ConfigError
from fluxion_core.spi import Clock, Context, EndOfInput, Host


class SteppingClock(Clock):
    """A clock that moves only by waiting."""

    def __init__(self) -> None:
        self.seconds = 100.0
        self.waits: list[float] = []

    def monotonic(self) -> float:
        """Return where the waits have brought it."""
        return self.seconds

    def wait(self, event: Event, seconds: float) -> bool:
        """Wait in no time."""
        self.waits.append(seconds)
        self.seconds += seconds
        return event.is_set()


@pytest.fixture
def clock() -> SteppingClock:
    """The clock of ``generate``."""
    return SteppingClock()


@pytest.fixture
def generate(context: Context, clock: SteppingClock) -> Any:
    """Make a generator, open at a position."""

    def generate(position: int | None = None, **options: Any) -> GeneratorSource:
        source = GeneratorSource(GeneratorOptions.parse(options, where="source"))
        source.open(attrs.evolve(context, host=Host(clock=clock)), {"0": position})
        return source

    return generate


def documents(source: GeneratorSource, count: int) -> list[Any]:
    """Return the next documents."""
    return list(source.poll(count, 0).documents or ())


def test_a_counter_counts_from_zero(generate) -> None:
    assert [{"n": 0}, {"n": 1}, {"n": 2}] == documents(generate(), 3)


def test_without_a_count_it_is_unbounded(generate) -> None:
    assert (False, True) == (generate().bounded, generate(count=3).bounded)


def test_a_count_of_zero_ends_at_once(generate) -> None:
    with pytest.raises(EndOfInput):
        generate(count=0).poll(10, 0)


def test_the_same_seed_makes_the_same_orders(generate) -> None:
    assert documents(generate(kind="orders", seed=7), 50) == documents(generate(kind="orders", seed=7), 50)


def test_another_seed_makes_other_orders(generate) -> None:
    assert documents(generate(kind="orders", seed=7), 50) != documents(generate(kind="orders", seed=8), 50)


@pytest.mark.parametrize("start", [0, 1, 17, 49])
def test_any_range_can_be_made_again(generate, start: int) -> None:
    """``ranges = True`` promises it."""
    whole = documents(generate(kind="orders", seed=3), 50)
    assert whole[start:] == documents(generate(start, kind="orders", seed=3), 50 - start)


def test_orders_look_like_orders(generate) -> None:
    orders = documents(generate(kind="orders"), 2000)
    assert 2000 == len({order["orderId"] for order in orders})
    share_paid = Counter(order["status"] for order in orders)["PAID"] / 2000
    assert 0.5 < share_paid < 0.7
    assert all(5 <= order["orderValue"] <= 1000 and 1 <= order["items"] <= 9 for order in orders)
    assert len({order["customerId"] for order in orders}) > 100


def test_a_template_varies_what_it_marks(generate) -> None:
    template = {
        "id": {"$index": 10},
        "level": {"$choice": ["info", "error"]},
        "size": {"$int": [1, 3]},
        "load": {"$number": [0, 1]},
        "at": {"$time": 60},
        "fixed": {"nested": ["as it is", {"$index": 0}]},
    }
    made = documents(generate(template=template), 200)
    assert list(range(10, 210)) == [document["id"] for document in made]
    assert {"info", "error"} == {document["level"] for document in made}
    assert {1, 2, 3} == {document["size"] for document in made}
    assert all(0 <= document["load"] < 1 for document in made)
    assert ["2024-01-01T00:00:00Z", "2024-01-01T00:01:00Z"] == [document["at"] for document in made[:2]]
    assert {"nested": ["as it is", 1]} == made[1]["fixed"]


@pytest.mark.parametrize(
    ("template", "problem"),
    [
        ({"a": {"$nope": 1}}, "unknown '$nope'; known: $index, $int, $number, $choice, $time"),
        ({"a": {"$choice": []}}, "$choice: expected a list of at least one value"),
        ({"a": {"$int": [3, 1]}}, "$int: expected [low, high]"),
        ({"a": {"$int": [1.5, 2]}}, "$int: expected [low, high]"),
        ({"a": [{"$number": "x"}]}, "$number: expected [low, high]"),
        ({"a": {"$index": "x"}}, "$index: expected a number"),
    ],
)
def test_a_wrong_template_is_told(template: Any, problem: str) -> None:
    with pytest.raises(ConfigError) as caught:
        GeneratorOptions.parse({"template": template}, where="source")
    assert [("source.template", problem)] == [(one.path, one.message) for one in caught.value.problems]


def test_a_rate_lets_through_what_is_due(generate, clock: SteppingClock) -> None:
    source = generate(rate_per_second=10)
    clock.seconds += 0.55
    assert [{"n": 0}, {"n": 1}, {"n": 2}, {"n": 3}, {"n": 4}] == documents(source, 100)


def test_a_rate_waits_for_the_next_one(generate, clock: SteppingClock) -> None:
    source = generate(rate_per_second=10)
    assert [{"n": 0}] == list(source.poll(100, 5.0).documents)
    assert [0.1] == [round(wait, 6) for wait in clock.waits]


def test_a_rate_never_waits_longer_than_the_poll_may(generate, clock: SteppingClock) -> None:
    source = generate(rate_per_second=0.01)
    assert 0 == len(source.poll(100, 2.0))
    assert [2.0] == clock.waits


def test_a_rate_counts_from_the_restart(generate, clock: SteppingClock) -> None:
    """Not from the first document ever: a restart brings no flood."""
    source = generate(1000, rate_per_second=10)
    clock.seconds += 0.25
    assert [{"n": 1000}, {"n": 1001}] == documents(source, 100)
