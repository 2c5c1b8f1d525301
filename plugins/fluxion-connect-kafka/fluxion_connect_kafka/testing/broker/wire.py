"""Bytes on the wire to messages and back, through the classes that kafka-python generates from Kafka's own schemas.

The one module that leans on internals of kafka-python (``_struct``); the conformance tests notice when a release moves them.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from types import ModuleType
from typing import Any, TypeAlias

import attrs
import kafka.protocol.admin
import kafka.protocol.consumer
import kafka.protocol.metadata
import kafka.protocol.producer
import kafka.protocol.sasl

from fluxion_connect_kafka.testing.broker.codes import Code

__all__ = [
    "APIS",
    "VERSIONS",
    "Api",
    "Fields",
    "Frame",
    "decode_request",
    "encode_response",
    "read_frame",
    "unsupported_version",
]

Fields: TypeAlias = dict[str, Any]
"""A message, or a part of one, as names and values."""

VERSIONS: Mapping[str, tuple[int, int]] = {
    "Produce": (3, 11),
    "Fetch": (4, 12),
    "ListOffsets": (1, 7),
    "Metadata": (0, 12),
    "OffsetCommit": (2, 9),
    "OffsetFetch": (1, 9),
    "FindCoordinator": (0, 4),
    "JoinGroup": (0, 9),
    "Heartbeat": (0, 4),
    "LeaveGroup": (0, 5),
    "SyncGroup": (0, 5),
    "DescribeGroups": (0, 5),
    "ListGroups": (0, 4),
    "SaslHandshake": (0, 1),  # 0 is only offered: older librdkafka looks for it before it uses 1
    "ApiVersions": (0, 4),
    "CreateTopics": (2, 7),
    "DeleteTopics": (1, 6),
    "DeleteRecords": (0, 2),
    "InitProducerId": (0, 4),
    "OffsetForLeaderEpoch": (2, 4),
    "AddPartitionsToTxn": (0, 3),
    "AddOffsetsToTxn": (0, 3),
    "EndTxn": (0, 3),
    "TxnOffsetCommit": (0, 3),
    "DescribeConfigs": (1, 4),
    "SaslAuthenticate": (0, 2),
    "CreatePartitions": (0, 3),
    "DeleteGroups": (0, 2),
    "DescribeCluster": (0, 1),
}
"""The requests that the small broker answers, each with its oldest and newest version.

Newer versions exist, but they name topics by id, or begin transactions on their own (KIP-890): left out until something
needs them.
"""

_FRAME = struct.Struct(">hhi")


@attrs.frozen
class Api:
    """One kind of request: its name, its key on the wire, and the classes of its two messages."""

    name: str
    key: int
    request: Any
    response: Any
    oldest: int
    newest: int


@attrs.frozen
class Frame:
    """One request as it came in: what the first eight bytes say, and all of it."""

    key: int
    version: int
    correlation_id: int
    data: bytes


def _messages() -> Iterator[tuple[str, Any]]:
    modules: tuple[ModuleType, ...] = (
        kafka.protocol.admin,
        kafka.protocol.consumer,
        kafka.protocol.metadata,
        kafka.protocol.producer,
        kafka.protocol.sasl,
    )
    for module in modules:
        yield from vars(module).items()


def _find_apis() -> dict[int, Api]:
    classes = dict(_messages())
    apis = {}
    for name, (oldest, newest) in VERSIONS.items():
        request, response = classes[f"{name}Request"], classes[f"{name}Response"]
        apis[request.API_KEY] = Api(name, request.API_KEY, request, response, oldest, newest)
    return apis


APIS = _find_apis()
_API_VERSIONS = next(api for api in APIS.values() if api.name == "ApiVersions")


def read_frame(data: bytes) -> Frame:
    """Return the head of the request in *data* (without the four bytes of its length)."""
    key, version, correlation_id = _FRAME.unpack_from(data)
    return Frame(key, version, correlation_id, data)


def decode_request(api: Api, frame: Frame) -> Any:
    """Return the request in *frame* as an object with one attribute per field."""
    return api.request.decode(frame.data, version=frame.version, header=True)


def encode_response(api: Api, version: int, correlation_id: int, fields: Fields) -> bytes:
    """Return the response, with its length and header; fields that *version* does not know are left out."""
    message = _build(api.response, fields, version)
    message.with_header(correlation_id)
    encoded: bytes = message.encode(header=True, framed=True)
    return encoded


def unsupported_version(correlation_id: int) -> bytes:
    """Return the answer to an ApiVersions request that is newer than ours: version 0, naming what we speak."""
    api = _API_VERSIONS
    known = [{"api_key": api.key, "min_version": api.oldest, "max_version": api.newest}]
    return encode_response(api, 0, correlation_id, {"error_code": Code.UNSUPPORTED_VERSION, "api_keys": known})


def _build(owner: Any, fields: Fields, version: int) -> Any:
    known = owner._struct.fields  # noqa: SLF001  # the generated classes have no public way to ask for their fields
    values = {name: _value(known[name], value, version) for name, value in fields.items() if known[name].for_version_q(version)}
    return owner(version=version, **values)


def _value(field: Any, value: Any, version: int) -> Any:
    if value is None:
        return None
    if field.is_struct_array():
        return [_build(field.data_class, item, version) for item in value]
    return _build(field.data_class, value, version) if field.is_struct() else value
