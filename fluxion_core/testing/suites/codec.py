"""The contract of a codec, as tests."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import attrs
import pytest

from fluxion_core.spi import Codec, Document, RecordError
from fluxion_core.testing.suites.declarations import declaration_problems

__all__ = ["CodecCase", "CodecSuite"]


@attrs.frozen(kw_only=True)
class CodecCase:
    """A codec and what goes through it.

    *make* returns a codec; *documents* survive encoding and decoding unchanged; *bad_payloads* are not of the format (none, if
    every payload is); *bad_documents* have no form in it (none, if every document has).
    """

    make: Callable[[], Codec[Any]]
    documents: Sequence[Document]
    bad_payloads: Sequence[bytes] = ()
    bad_documents: Sequence[Document] = ()


class CodecSuite:
    """Subclass, and return a :class:`CodecCase` from the fixture ``case``."""

    @pytest.fixture
    def case(self) -> CodecCase:
        """Return the codec to test; every subclass has its own."""
        msg = "write a fixture `case` that returns a CodecCase"
        raise NotImplementedError(msg)

    def test_the_class_declares_name_options_and_purpose(self, case: CodecCase) -> None:
        """A codec class has a name, an Options class, a docstring, and a doc for each option."""
        assert declaration_problems("codec", type(case.make())) == []

    def test_a_document_survives_the_round_trip(self, case: CodecCase) -> None:
        """What ``encode`` wrote, ``decode`` reads back as the same document."""
        codec = case.make()
        assert list(case.documents) == [codec.decode(codec.encode(document)) for document in case.documents]

    def test_types_survive_the_round_trip(self, case: CodecCase) -> None:
        """``1``, ``1.0`` and ``True`` are equal in Python and different documents; a codec keeps them apart."""
        codec = case.make()
        assert list(map(repr, case.documents)) == [repr(codec.decode(codec.encode(document))) for document in case.documents]

    def test_encoding_gives_bytes(self, case: CodecCase) -> None:
        """``encode`` returns ``bytes``, no view of a buffer that changes later."""
        codec = case.make()
        assert {bytes} == {type(codec.encode(document)) for document in case.documents}

    def test_the_same_document_gives_the_same_bytes(self, case: CodecCase) -> None:
        """``encode`` depends on the document alone: sealed output must not change with the object that wrote it."""
        one, other = case.make(), case.make()
        assert [one.encode(document) for document in case.documents] == [other.encode(document) for document in case.documents]

    def test_encoding_leaves_the_document_as_it_is(self, case: CodecCase) -> None:
        """``encode`` does not change its argument, which the pipeline may still use."""
        codec = case.make()
        before = repr(list(case.documents))
        for document in case.documents:
            codec.encode(document)
        assert before == repr(list(case.documents))

    def test_a_payload_of_another_format_is_a_record_error(self, case: CodecCase) -> None:
        """``decode`` raises ``RecordError`` with a reason, and nothing else, for bytes that it cannot read."""
        codec = case.make()
        for payload in case.bad_payloads:
            with pytest.raises(RecordError, match=r"\w"):
                codec.decode(payload)

    def test_a_document_without_a_form_is_a_record_error(self, case: CodecCase) -> None:
        """``encode`` raises ``RecordError`` with a reason for a document that the format cannot hold."""
        codec = case.make()
        for document in case.bad_documents:
            with pytest.raises(RecordError, match=r"\w"):
                codec.encode(document)

    def test_one_bad_payload_of_a_batch_spoils_only_itself(self, case: CodecCase) -> None:
        """``decode_batch`` puts the error in the payload's place and decodes the others."""
        codec = case.make()
        good = [codec.encode(document) for document in case.documents]
        answers = codec.decode_batch([*good, *case.bad_payloads, *good])
        assert len(good) * 2 + len(case.bad_payloads) == len(answers)
        assert list(case.documents) == answers[: len(good)]
        assert list(case.documents) == answers[len(good) + len(case.bad_payloads) :]
        assert all(isinstance(answer, RecordError) for answer in answers[len(good) : len(good) + len(case.bad_payloads)])
