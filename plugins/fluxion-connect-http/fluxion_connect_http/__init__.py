"""The sink ``http``: sealed batches to an HTTP server, each request under a key that stays the same for ever."""
