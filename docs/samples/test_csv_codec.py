"""The codec held to its contract: subclass, and say what goes through it and what does not."""

import pytest
from csv_codec import CsvCodec, CsvOptions

from fluxion_core.testing.suites import CodecCase, CodecSuite


class TestCsvCodec(CodecSuite):
    @pytest.fixture
    def case(self) -> CodecCase:
        return CodecCase(
            make=lambda: CsvCodec(CsvOptions(columns=["id", "text"])),
            documents=[{"id": "1", "text": 'a, "b"'}, {"id": "", "text": "Grüße"}],
            bad_payloads=[b"", b"1", b"1,2,3", b"\xff,1", b'"1,2'],
            bad_documents=[{"id": 1, "text": "a"}, {"id": "1", "text": "two\nlines"}],
        )
