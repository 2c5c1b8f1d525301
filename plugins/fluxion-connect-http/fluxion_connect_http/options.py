"""The options of the sink ``http``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit, urlunsplit

import attrs

from fluxion_connect_http.rules import wrong_endpoint, wrong_header_name, wrong_headers, wrong_secret, wrong_username
from fluxion_core.spi import REQUIRED, Options, Secret, option

__all__ = ["HttpSinkOptions"]


@attrs.frozen(repr=False)
class HttpSinkOptions(Options):
    """Where results are sent, in what form, with which credentials, and how long to try."""

    endpoint: str = option(
        REQUIRED, "URL that receives the results; http or https, without credentials.", check=wrong_endpoint,
        example="https://api.example.com/ltv",
    )  # fmt: skip
    method: Literal["POST", "PUT", "PATCH"] = option("POST", "HTTP method of every request.")
    format: Literal["json_array", "ndjson", "single"] = option(
        "json_array", "Body of a request: a batch as one JSON array, a batch as NDJSON, or one document."
    )
    headers: dict[str, Secret] = option(
        attrs.Factory(dict), "Headers sent with every request; their values are never shown.", check=wrong_headers,
        example={"X-Api-Key": "${API_KEY}"},
    )  # fmt: skip
    bearer_token: Secret | None = option(None, "Token sent as `Authorization: Bearer`.", check=wrong_secret)
    username: str | None = option(None, "User of basic authentication.", check=wrong_username)
    password: Secret | None = option(None, "Password of basic authentication.")
    idempotency_header: str | None = option(
        "Idempotency-Key", "Header that carries the stable key of each request; null sends none.", check=wrong_header_name
    )
    batch_size: int = option(500, "The most records that one batch may hold.", minimum=1)
    max_body_bytes: int = option(
        1_000_000, "About how many bytes of records one batch may hold; one larger record goes alone.", minimum=1
    )
    allow_empty: bool = option(False, "Whether a batch without records is sent (`[]` or an empty body) or left out.")
    connect_timeout_seconds: float = option(10.0, "How long to wait for a connection.", minimum=0.001, maximum=3600)
    read_timeout_seconds: float = option(
        30.0, "How long to wait for the answer, or for its next piece.", minimum=0.001, maximum=3600
    )
    max_retries: int = option(
        3, "How often a request is repeated at once before the pipeline pauses and tries again by its own backoff.",
        minimum=0, maximum=100,
    )  # fmt: skip
    backoff_seconds: float = option(
        0.2, "The longest wait before the first repetition; doubles each time, and a random part of it is waited.",
        minimum=0, maximum=3600,
    )  # fmt: skip
    max_backoff_seconds: float = option(
        10.0, "The longest wait before any repetition, also when the server asks for more by `Retry-After`.",
        minimum=0, maximum=3600,
    )  # fmt: skip
    verify: bool | Path = option(
        True, "Whether the server's certificate is verified, or a file (or directory) of CA certificates to verify it by."
    )
    client_certificate: Path | None = option(None, "PEM file with the certificate that this client shows (and its key).")
    client_key: Path | None = option(None, "PEM file with the client's key, where it is not beside the certificate.")
    client_key_password: Secret | None = option(None, "Password of the client's key.")

    def lint(self) -> Sequence[tuple[str, str]]:
        """Return what is wrong with options that do not go together."""
        return [*self._lint_credentials(), *self._lint_header_names(), *self._lint_certificate(), *self._lint_form()]

    def _lint_credentials(self) -> list[tuple[str, str]]:
        found = []
        if (self.username is None) != (self.password is None):
            found.append(("username", "basic authentication needs both username and password"))
        if self.bearer_token is not None and self.username is not None:
            found.append(("bearer_token", "goes in place of username and password; set one of the two"))
        return found

    def _lint_header_names(self) -> list[tuple[str, str]]:
        names = {name.lower() for name in self.headers}
        found = []
        if "authorization" in names and (self.bearer_token is not None or self.username is not None):
            found.append(("headers", "'Authorization' is also made from bearer_token or username; set one of them"))
        if self.idempotency_header is not None and self.idempotency_header.lower() in names:
            found.append(("headers", f"'{self.idempotency_header}' carries the key of each request; see idempotency_header"))
        return found

    def _lint_certificate(self) -> list[tuple[str, str]]:
        found = []
        if self.client_certificate is None and (self.client_key is not None or self.client_key_password is not None):
            found.append(("client_certificate", "missing, although client_key or client_key_password is set"))
        if urlsplit(self.endpoint).scheme == "http" and (self.client_certificate is not None or self.verify is not True):
            found.append(("verify", "TLS options do nothing for an http:// endpoint; use https:// or remove them"))
        return found

    def _lint_form(self) -> list[tuple[str, str]]:
        if self.format == "single" and self.allow_empty:
            return [("allow_empty", "an empty batch holds no document to send with format: single; remove it")]
        return []

    @property
    def safe_endpoint(self) -> str:
        """The endpoint without its query, which may hold a secret: fit for messages."""
        parts = urlsplit(self.endpoint)
        return urlunsplit(parts._replace(query="***" if parts.query else ""))

    def redacted(self) -> dict[str, Any]:
        """Return the options as plain values, with secrets and the endpoint's query as ``***``."""
        return {**Options.redacted(self), "endpoint": self.safe_endpoint}

    def __repr__(self) -> str:
        """Return the redacted options."""
        return f"HttpSinkOptions({self.redacted()})"
