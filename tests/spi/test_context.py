from __future__ import annotations

from fluxion_core.spi import Context


def test_a_repr_shows_no_connections() -> None:
    """They hold passwords, and a context may end up in anybody's log line."""
    assert "s3cret" not in repr(Context(pipeline_id="p", connections={"db": {"password": "s3cret"}}))


def test_a_context_alone_is_enough_to_open_a_component() -> None:
    context = Context(pipeline_id="p")
    assert ("", 0, False) == (context.incarnation, context.epoch, context.stopping.is_set())
