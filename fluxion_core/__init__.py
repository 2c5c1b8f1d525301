"""Fluxion: plugin-first streaming, source -> MongoDB aggregation stages -> sink."""
