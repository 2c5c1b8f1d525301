"""How this process and a worker talk: messages over a socket pair, each a small header of plain values and any number of byte strings."""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence
from functools import partial
from struct import Struct
from typing import Any, Final

import msgspec

from fluxion_core.language import decode_value, encode_value

__all__ = ["Channel", "Closed", "Message", "pack_list", "unpack_list"]

pack_list = msgspec.msgpack.Encoder().encode
"""Makes one blob of a list of byte strings."""
unpack_list = msgspec.msgpack.Decoder(list[bytes]).decode

_HEAD: Final = Struct("<II")  # bytes of the header, number of byte strings
_SIZE: Final = Struct("<Q")  # bytes of each


class Closed(Exception):  # it is no error in itself: whoever receives it knows what it means
    """The other side is gone."""


class Message(msgspec.Struct, frozen=True):
    """*kind* says what it is about, *content* holds plain values, *blobs* what is large."""

    kind: str
    content: Any = None
    blobs: Sequence[bytes] = ()


class Channel:
    """One end. Used by one thread, but for :meth:`close`."""

    def __init__(self, end: socket.socket) -> None:
        self._end = end

    def fileno(self) -> int:
        """Return the descriptor, for ``select``."""
        return self._end.fileno()

    def send(self, message: Message, while_full: Callable[[], None] | None = None) -> None:
        """Send *message*, waiting until the other side has room; *while_full*, if given, is called to wait for it.

        Raises:
            Closed: the other side is gone.
        """
        header = encode_value([message.kind, message.content])
        sizes = b"".join(_SIZE.pack(len(blob)) for blob in message.blobs)
        send = self._end.sendall if while_full is None else partial(self._send_between, while_full)
        try:
            send(_HEAD.pack(len(header), len(message.blobs)) + sizes + header)
            for blob in message.blobs:
                send(blob)
        except OSError as error:
            raise Closed from error

    def _send_between(self, while_full: Callable[[], None], data: bytes) -> None:
        left = memoryview(data)
        while left:
            try:
                left = left[self._end.send(left, socket.MSG_DONTWAIT) :]
            except BlockingIOError:
                while_full()

    def receive(self) -> Message:
        """Return the next message, waiting for all of it.

        Raises:
            Closed: the other side is gone.
        """
        length, count = _HEAD.unpack(self._exactly(_HEAD.size))
        sizes = [size for (size,) in _SIZE.iter_unpack(self._exactly(_SIZE.size * count))]
        kind, content = decode_value(self._exactly(length))
        return Message(kind, content, [self._exactly(size) for size in sizes])

    def _exactly(self, count: int) -> bytes:
        try:
            data = self._end.recv(count, socket.MSG_WAITALL) if count else b""
            while len(data) < count:
                more = self._end.recv(count - len(data), socket.MSG_WAITALL)
                if not more:
                    raise Closed
                data += more
        except OSError as error:
            raise Closed from error
        return data

    def shut(self) -> None:
        """Tell the other side, and whoever waits here, that nothing more comes. May be called from any thread."""
        try:
            self._end.shutdown(socket.SHUT_RDWR)
        except OSError:
            return  # shut or closed before

    def close(self) -> None:
        """Let go of the descriptor."""
        self._end.close()
