"""Who is on the other end of a connection: SASL/PLAIN, when the broker has users."""

from __future__ import annotations

import hmac
from collections.abc import Mapping

from fluxion_connect_kafka.testing.broker.cluster import Call, Cluster, Handler
from fluxion_connect_kafka.testing.broker.codes import Code
from fluxion_connect_kafka.testing.broker.wire import Api, Fields

__all__ = ["Session"]

_BEFORE_LOGIN = frozenset({"ApiVersions", "SaslHandshake", "SaslAuthenticate"})
_MECHANISM = "PLAIN"


class Session:
    """The login of one connection."""

    def __init__(self, users: Mapping[str, str] | None) -> None:
        """Expect one of *users* (names and passwords), or nobody in particular."""
        self._users = users
        self._authenticated = users is None
        self._shook_hands = False
        self.failed = False
        """Whether the login was refused, so that the connection is to be closed."""
        self.handlers: Mapping[str, Handler] = {"SaslHandshake": self._handshake, "SaslAuthenticate": self._authenticate}

    def allows(self, api: Api) -> bool:
        """Return whether a request may be answered at this point."""
        return self._authenticated or api.name in _BEFORE_LOGIN

    async def _handshake(self, cluster: Cluster, call: Call) -> Fields:
        del cluster
        self._shook_hands = call.request.mechanism == _MECHANISM
        code = Code.NONE if self._shook_hands else Code.UNSUPPORTED_SASL_MECHANISM
        return {"error_code": call.error or code, "mechanisms": [_MECHANISM]}

    async def _authenticate(self, cluster: Cluster, call: Call) -> Fields:
        del cluster
        code = call.error or self._login(bytes(call.request.auth_bytes))
        self._authenticated = code is Code.NONE
        self.failed = not self._authenticated
        message = "Authentication failed: invalid username or password" if self.failed else None
        return {"error_code": code, "error_message": message, "auth_bytes": b"", "session_lifetime_ms": 0}

    def _login(self, token: bytes) -> Code:
        if not self._shook_hands:
            return Code.ILLEGAL_SASL_STATE
        _, user, password = (*token.split(b"\0"), b"", b"", b"")[:3]
        expected = (self._users or {}).get(user.decode("utf-8", "replace"))
        if expected is None or not hmac.compare_digest(expected.encode(), password):
            return Code.SASL_AUTHENTICATION_FAILED
        return Code.NONE
