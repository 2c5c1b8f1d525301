"""What a person who writes a plugin asks Python about the language's names is answered."""

import inspect

import pytest

from fluxion_core import language


@pytest.mark.parametrize("name", [name for name in language.__all__ if inspect.isclass(getattr(language, name))])
def test_the_signature_of_a_class_can_be_shown(name) -> None:
    assert inspect.signature(getattr(language, name))
