"""Expression operators, one file per family of MongoDB's manual; each file ends with its table ``OPERATORS``."""
