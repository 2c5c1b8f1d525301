"""A Kafka broker for tests: one node, in memory, on loopback, that speaks the real protocol.

It is built on the message classes of kafka-python, which encode and decode both directions. It knows topics, idempotent
and transactional producers, consumer groups (the classic protocol), long polls, TLS and SASL/PLAIN, and it fails on command:
:meth:`SmallBroker.fail` queues errors, dropped connections and delays, :meth:`SmallBroker.stop` and ``start`` play an
outage. It has no replication, retention, compaction, quotas or ACLs. Where it differs from Apache Kafka, Apache Kafka is right
and ``tests/test_broker_conformance.py`` of this package should be made to show it.
"""

from __future__ import annotations

from fluxion_connect_kafka.testing.broker.codes import Code
from fluxion_connect_kafka.testing.broker.faults import Delay, Drop, DropAfter
from fluxion_connect_kafka.testing.broker.small import SmallBroker

__all__ = ["Code", "Delay", "Drop", "DropAfter", "SmallBroker"]
