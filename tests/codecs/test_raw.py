from __future__ import annotations

from typing import Any

import pytest

from fluxion_core.codecs import RawCodec
from fluxion_core.spi import RecordError


def test_text_is_written_as_utf_8() -> None:
    assert "Grüße".encode() == RawCodec().encode({"payload": "Grüße"})


@pytest.mark.parametrize(
    ("document", "fields"),
    [({}, "none"), ({"payload": 1}, "payload"), ({"payload": b"", "key": 1}, "payload, key"), ({"a": b""}, "a")],
)
def test_what_would_be_lost_is_refused(document: dict[str, Any], fields: str) -> None:
    with pytest.raises(RecordError, match=f"the document has the fields {fields}; codec raw writes"):
        RawCodec().encode(document)


def test_the_core_does_not_look_into_its_payloads() -> None:
    assert not RawCodec.json_text
