"""Runs pipelines: binds them to components and drives the sealed loop."""
