from __future__ import annotations

import socket
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from fluxion_core.observability.metrics import Ledger, MetricsRegistry
from fluxion_core.observability.prometheus import serve_metrics


@pytest.fixture
def metrics() -> MetricsRegistry:
    """Metrics of a pipeline under way."""
    made = MetricsRegistry("orders", ledger=Ledger(records_in=10, delivered=5, filtered=3, skipped=1))
    made.stages.reset(["$match", "$group"], [0, 0])
    made.stages.stages[1].documents_in = 5
    made.seals, made.seal_seconds = 2, 0.25
    return made


@pytest.fixture
def served(metrics: MetricsRegistry) -> Iterator[Any]:
    """The server."""
    server = serve_metrics(metrics, 0)
    yield server
    server.shutdown()
    server.server_close()


def scraped(server: Any) -> dict[str, float]:
    """Return every sample by its name and labels, as Prometheus reads them."""
    with urllib.request.urlopen(f"http://127.0.0.1:{server.server_port}/metrics") as answer:
        lines = answer.read().decode().splitlines()
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines if not line.startswith("#"))}


def test_records_are_told_by_their_fate(served: Any) -> None:
    found = scraped(served)
    expected = {"in": 10, "delivered": 5, "filtered": 3, "skipped": 1, "dead_lettered": 0}
    assert expected == {fate: found[f'fluxion_records_total{{fate="{fate}",pipeline="orders"}}'] for fate in expected}


def test_documents_are_told_by_their_fate(metrics: MetricsRegistry, served: Any) -> None:
    metrics.ledger.documents_sealed, metrics.ledger.documents_delivered, metrics.ledger.documents_refused = 9, 6, 1
    expected = {"sealed": 9, "delivered": 6, "refused": 1}
    found = scraped(served)
    assert expected == {fate: found[f'fluxion_documents_total{{fate="{fate}",pipeline="orders"}}'] for fate in expected}


def test_what_falls_too_is_a_gauge(served: Any) -> None:
    """A counter that falls is taken for a restart."""
    found = scraped(served)
    assert 1 == found['fluxion_records_in_flight{pipeline="orders"}']
    assert not [name for name in found if 'fate="in_flight"' in name]


def test_stages_are_told_by_index_and_name(served: Any) -> None:
    assert 5 == scraped(served)['fluxion_stage_documents_in_total{index="1",pipeline="orders",stage="$group"}']


def test_units_stand_at_the_end(served: Any) -> None:
    assert 0.25 == scraped(served)['fluxion_seal_seconds_total{pipeline="orders"}']


def test_what_is_unknown_is_not_told(served: Any, metrics: MetricsRegistry) -> None:
    assert 'fluxion_lag_records{pipeline="orders"}' not in scraped(served)
    metrics.lag_records = 7
    assert 7 == scraped(served)['fluxion_lag_records{pipeline="orders"}']


def test_a_scrape_sees_the_moment(served: Any, metrics: MetricsRegistry) -> None:
    scraped(served)
    metrics.seals = 99
    assert 99 == scraped(served)['fluxion_seals_total{pipeline="orders"}']


def test_nobody_else_can_reach_it(served: Any) -> None:
    assert "127.0.0.1" == served.server_address[0]


def test_a_port_that_is_taken_is_an_error(metrics: MetricsRegistry) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(OSError, match="in use"):
            serve_metrics(metrics, taken.getsockname()[1])


def test_a_stage_name_cannot_break_the_format(served: Any, metrics: MetricsRegistry) -> None:
    metrics.stages.reset(['$mine"\n} 1'], [0])
    with urllib.request.urlopen(f"http://127.0.0.1:{served.server_port}/metrics") as answer:
        assert 'stage="$mine\\"\\n} 1"' in answer.read().decode()
