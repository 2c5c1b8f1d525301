"""Apache Kafka for Fluxion: the source and the sink ``kafka``, and under ``testing`` two brokers to try them on."""

from __future__ import annotations
