"""What tests of Kafka pipelines need: a small broker in Python, a launcher of the real one, and pytest fixtures for both."""

from __future__ import annotations
