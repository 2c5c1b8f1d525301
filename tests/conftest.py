"""What every test of the core starts from."""

from hypothesis import settings

# How long an example takes says more about the machine than about the code.
settings.register_profile("patient", parent=settings.default, deadline=None)
settings.load_profile("patient")
