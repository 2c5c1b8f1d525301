"""Fixtures of this room: brokers of both kinds, from the kit that the package ships."""

from __future__ import annotations

from fluxion_connect_kafka.testing.fixtures import kafka_broker, probe, small_broker, sweep

__all__ = ["kafka_broker", "probe", "small_broker", "sweep"]
