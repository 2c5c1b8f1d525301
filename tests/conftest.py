"""What every test of the core starts from."""

from hypothesis import settings

# How long an example takes says more about the machine than about the code.
settings.register_profile("patient", parent=settings.default, deadline=None)
settings.load_profile("patient")

_READABLE = 100


def pytest_make_parametrize_id(val: object) -> str | None:
    """Name a test after the beginning of a long text, not after megabytes of it."""
    return ascii(val)[:_READABLE] if isinstance(val, str | bytes) and len(val) > _READABLE else None
