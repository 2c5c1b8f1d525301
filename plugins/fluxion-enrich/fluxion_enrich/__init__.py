"""Enrichment for Fluxion: ``$httpCall`` and ``$sqlQuery``."""
