"""Stages, one file per family: each says how it is parsed, what it needs and how it runs."""
