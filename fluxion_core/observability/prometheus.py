"""Counters of one pipeline for Prometheus, served on the loopback interface only.

Names follow Prometheus' conventions: ``fluxion_`` first, the unit at the end, ``_total`` for what only rises.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from fluxion_core.observability.metrics import FATES, MetricsRegistry

__all__ = ["serve_metrics"]

_COUNTERS: Final = {
    "batches": "Batches run through the stages",
    "bytes_in": "Bytes of payload read",
    "bytes_out": "Bytes of output sealed",
    "seals": "Seals committed",
    "seal_seconds": "Seconds spent sealing",
    "deliveries": "Batches written to sinks",
    "delivery_seconds": "Seconds spent writing to sinks",
    "duplicates_suppressed": "Redelivered batches that a sink had already",
    "retries": "Attempts after the first: of calls to the outside, and of single records",
    "failures": "Records at fault",
    "pauses": "Times that the outside world was waited for",
}
_GAUGES: Final = {
    "lag_records": "Records that wait at the source",
    "queue_depth": "Polled batches that wait for the stages",
    "queue_depth_max": "The most that waited in this run",
    "sink_queue_documents": "Sealed documents that wait for the sink",
    "sink_queue_documents_max": "The most that waited in this run",
    "state_keys": "Groups kept",
    "state_bytes": "Bytes of state, about",
}
_STAGE: Final = ("invocations", "documents_in", "documents_out", "failures", "duration_seconds")


class _Collector:
    """Reads the live counters whenever they are asked for."""

    def __init__(self, metrics: MetricsRegistry) -> None:
        self._metrics = metrics

    def collect(self) -> Iterator[Metric]:
        """Yield every metric."""
        metrics = self._metrics
        pipeline = [metrics.pipeline_id]
        records = CounterMetricFamily(
            "fluxion_records", "Records by their fate; 'in' is all of them", labels=["pipeline", "fate"]
        )
        ledger: dict[str, Any] = metrics.ledger.snapshot()
        records.add_metric([*pipeline, "in"], ledger["records_in"])
        for fate in FATES:
            if fate != "in_flight":  # which falls too, and is a gauge below
                records.add_metric([*pipeline, fate], ledger[fate])
        yield records
        in_flight = GaugeMetricFamily("fluxion_records_in_flight", "Records read and not sealed yet", labels=["pipeline"])
        in_flight.add_metric(pipeline, ledger["in_flight"])
        yield in_flight
        documents = CounterMetricFamily(
            "fluxion_documents", "Documents on their way out; 'sealed' is all of them", labels=["pipeline", "fate"]
        )
        for fate in ("sealed", "delivered", "refused"):
            documents.add_metric([*pipeline, fate], ledger[f"documents_{fate}"])
        yield documents
        for name, help_text in _COUNTERS.items():
            counter = CounterMetricFamily(f"fluxion_{name}", help_text, labels=["pipeline"])
            counter.add_metric(pipeline, getattr(metrics, name))
            yield counter
        for name, help_text in _GAUGES.items():
            value = getattr(metrics, name)
            if value is not None:
                gauge = GaugeMetricFamily(f"fluxion_{name}", help_text, labels=["pipeline"])
                gauge.add_metric(pipeline, value)
                yield gauge
        for name in _STAGE:
            family = CounterMetricFamily(
                f"fluxion_stage_{name}", f"Per stage: {name.replace('_', ' ')}", labels=["pipeline", "index", "stage"]
            )
            for index, stage in enumerate(metrics.stages.stages):
                family.add_metric([*pipeline, str(index), stage.name], getattr(stage, name))
            yield family


def serve_metrics(metrics: MetricsRegistry, port: int) -> Any:
    """Serve *metrics* at ``http://127.0.0.1:port/metrics``; return the server, which ``shutdown()`` and ``server_close()`` end.

    Raises:
        OSError: the port is taken.
    """
    registry = CollectorRegistry()
    registry.register(_Collector(metrics))
    server, _thread = start_http_server(port, addr="127.0.0.1", registry=registry)
    return server
