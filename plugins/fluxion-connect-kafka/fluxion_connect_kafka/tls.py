"""The TLS context of a connection, from options that name files."""

from __future__ import annotations

import ssl
from pathlib import Path

from fluxion_connect_kafka.client import BrokerError, Fault
from fluxion_connect_kafka.options import KafkaOptions

__all__ = ["tls_context"]


def tls_context(config: KafkaOptions) -> ssl.SSLContext | None:
    """Return the context for *config*, TLS 1.2 or newer and verified; ``None`` where no TLS is wanted.

    Raises:
        BrokerError: a file is missing or does not hold what its option says.
    """
    if not config.security_protocol.endswith("SSL"):
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.check_hostname = config.ssl_check_hostname
    _trust(context, config)
    _identify(context, config)
    if config.ssl_ciphers is not None:
        try:
            context.set_ciphers(config.ssl_ciphers)
        except ssl.SSLError:
            raise _unusable("ssl_ciphers", config.ssl_ciphers, "OpenSSL knows no such cipher") from None
    return context


def _trust(context: ssl.SSLContext, config: KafkaOptions) -> None:
    if config.ssl_cafile is None:
        context.load_default_certs()
    else:
        _load(context, "ssl_cafile", config.ssl_cafile)
    if config.ssl_crlfile is not None:
        _load(context, "ssl_crlfile", config.ssl_crlfile)
        context.verify_flags |= ssl.VERIFY_CRL_CHECK_LEAF


def _load(context: ssl.SSLContext, option: str, path: Path) -> None:
    try:
        context.load_verify_locations(cafile=str(path))
    except OSError as error:
        raise _unusable(option, path, _reason(error)) from None


def _identify(context: ssl.SSLContext, config: KafkaOptions) -> None:
    if config.ssl_certfile is None:
        return
    password = config.ssl_password.reveal() if config.ssl_password is not None else ""
    try:
        context.load_cert_chain(str(config.ssl_certfile), config.ssl_keyfile and str(config.ssl_keyfile), lambda: password)
    except OSError as error:
        shown = ", ".join(str(path) for path in (config.ssl_certfile, config.ssl_keyfile) if path is not None)
        raise _unusable("ssl_certfile", shown, _reason(error)) from None


def _reason(error: OSError) -> str:
    if isinstance(error, ssl.SSLError):
        return "it holds no such PEM, or the password does not fit"
    return error.strerror or "it cannot be read"


def _unusable(option: str, value: object, reason: str) -> BrokerError:
    return BrokerError(f"{option} {value} cannot be used: {reason}", Fault.REFUSED)
