"""The built-in codecs under the suite that every third party can use."""

from __future__ import annotations

import pytest

from fluxion_core.codecs import JsonCodec, RawCodec
from fluxion_core.testing.suites import CodecCase, CodecSuite


class TestJsonCodec(CodecSuite):
    """JSON text."""

    @pytest.fixture
    def case(self) -> CodecCase:
        """Every kind of value that JSON has."""
        return CodecCase(
            make=JsonCodec,
            documents=[
                {},
                {"a": 1, "b": 1.0, "c": True, "d": None, "e": "Grüße 😀", "f": [1, [2, {"g": []}]], "": {"": 0}},
                {"big": 2**63, "negative": -(2**63), "small": 5e-324, "zero": -0.0},
            ],
            bad_payloads=[b"", b" ", b"nope", b"[1]", b"3", b'"a"', b"null", b'{"a":', b'{"a":1}x', b"\xff\xfe", b"{'a':1}"],
            bad_documents=[{"a": object()}, {"a": {1, object()}}],
        )


class TestRawCodec(CodecSuite):
    """Bytes."""

    @pytest.fixture
    def case(self) -> CodecCase:
        """Every payload is good."""
        return CodecCase(
            make=RawCodec,
            documents=[{"payload": b""}, {"payload": bytes(range(256))}],
            bad_documents=[{}, {"payload": 1}, {"payload": b"a", "other": 1}],
        )
