"""Accumulators of ``$group`` and of windows, one file per family; each file ends with its table ``ACCUMULATORS``."""
