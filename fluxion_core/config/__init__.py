"""The pipeline as values, and the file that it is read from."""
