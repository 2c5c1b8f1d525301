"""What may stand in an endpoint, a header name and a header value; each rule returns what is wrong, never the value.

A value that fails a rule may be a secret, so no message here repeats one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import urlsplit

from fluxion_core.spi import Secret

__all__ = ["wrong_endpoint", "wrong_header_name", "wrong_header_value", "wrong_headers", "wrong_secret", "wrong_username"]

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_UNPRINTABLE = re.compile(r"[\x00-\x20\x7f]")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_FRAMING = frozenset({"connection", "content-length", "host", "transfer-encoding", "upgrade", "te", "trailer", "expect"})


def wrong_endpoint(url: str) -> str | None:
    """Return what is wrong with *url* as the address of a server."""
    if _UNPRINTABLE.search(url):
        return "the URL holds a blank or a control character; percent-encode it"
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return "the URL cannot be parsed; expected http(s)://host[:port]/path"
    if parts.scheme not in {"http", "https"} or not parts.hostname or port == 0:
        return "the URL names no server that can be asked; expected http(s)://host[:port]/path"
    if parts.username is not None or parts.password is not None:
        return "the URL holds credentials; set username and password, or bearer_token, instead"
    return "the URL has a fragment (#...), which is never sent; remove it" if parts.fragment else None


def wrong_header_name(name: str) -> str | None:
    """Return what is wrong with *name* as the name of a header that a user may set."""
    if not _TOKEN.fullmatch(name):
        return f"{name!a} is no header name; expected letters, digits and hyphens"
    return f"'{name}' is set by the HTTP client itself; remove it" if name.lower() in _FRAMING else None


def wrong_header_value(value: str) -> str | None:
    """Return what is wrong with *value* as the value of a header."""
    if _CONTROL.search(value):
        return "holds a line break or another control character (perhaps from the end of a file)"
    if value != value.strip(" \t"):
        return "begins or ends with a blank"
    return None if _is_latin_1(value) else "holds a character that HTTP headers cannot carry (outside ISO-8859-1)"


def wrong_headers(headers: Mapping[str, Secret]) -> str | None:
    """Return what is wrong with the first bad one of *headers*."""
    seen: set[str] = set()
    for name, value in headers.items():
        wrong_value = wrong_header_value(value.reveal())
        problem = wrong_header_name(name) or (f"the value of '{name}' {wrong_value}" if wrong_value else None)
        if name.lower() in seen:
            problem = f"'{name}' is given twice (names of headers ignore case)"
        if problem:
            return problem
        seen.add(name.lower())
    return None


def wrong_secret(value: Secret) -> str | None:
    """Return what is wrong with *value* as a credential that goes into a header."""
    return "is empty" if not value.reveal() else wrong_header_value(value.reveal())


def wrong_username(value: str) -> str | None:
    """Return what is wrong with *value* as the user of basic authentication."""
    return "holds a colon, which basic authentication cannot carry" if ":" in value else wrong_header_value(value)


def _is_latin_1(value: str) -> bool:
    try:
        value.encode("latin-1")
    except UnicodeEncodeError:
        return False
    return True
