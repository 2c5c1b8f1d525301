"""TLS: verified by default, against real handshakes on loopback."""

from __future__ import annotations

import datetime as dt
import logging
import ssl
from pathlib import Path

import pytest
import trustme
from fluxion_connect_http.testing import ScriptedServer

from fluxion_core.spi import FatalError, WriteResult


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    """A certificate authority that nobody trusts by default."""
    return trustme.CA()


@pytest.fixture(scope="module")
def ca_file(authority, tmp_path_factory) -> Path:
    """The authority's certificate as a PEM file."""
    path = tmp_path_factory.mktemp("ca") / "ca.pem"
    authority.cert_pem.write_to_path(path)
    return path


def server_context(certificate: trustme.LeafCert) -> ssl.SSLContext:
    """Return the server's side of TLS with *certificate*."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    return context


def test_a_named_authority_is_trusted(open_sink, sealed, authority, ca_file) -> None:
    """``verify`` with a CA file: the batch arrives."""
    with ScriptedServer(tls=server_context(authority.issue_cert("localhost"))) as server:
        assert open_sink(server.url, verify=str(ca_file)).write(sealed(b"1")) == WriteResult()


def test_an_unknown_authority_is_fatal(open_sink, sealed, authority) -> None:
    """A certificate that nobody vouches for stops the pipeline without a retry."""
    with ScriptedServer(tls=server_context(authority.issue_cert("localhost"))) as server:
        with pytest.raises(FatalError, match=r"TLS failed: .*; see verify and client_certificate"):
            open_sink(server.url).write(sealed(b"1"))
        assert server.connections == 1
    assert server.requests == []


def test_a_certificate_of_another_host_is_fatal(open_sink, sealed, authority, ca_file) -> None:
    """The name in the certificate is compared."""
    with (
        ScriptedServer(tls=server_context(authority.issue_cert("example.com"))) as server,
        pytest.raises(FatalError, match=r"(?i)TLS failed: .*hostname mismatch"),
    ):
        open_sink(server.url, verify=str(ca_file)).write(sealed(b"1"))


def test_an_expired_certificate_is_fatal(open_sink, sealed, authority, ca_file) -> None:
    """A certificate of the past is refused."""
    past = dt.datetime(2001, 1, 1, tzinfo=dt.UTC)
    with (
        ScriptedServer(tls=server_context(authority.issue_cert("localhost", not_after=past))) as server,
        pytest.raises(FatalError, match="TLS failed: certificate has expired"),
    ):
        open_sink(server.url, verify=str(ca_file)).write(sealed(b"1"))


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1_1 is deprecated:DeprecationWarning")
def test_an_old_protocol_is_fatal(open_sink, sealed, authority, ca_file) -> None:
    """Nothing below TLS 1.2 is spoken."""
    context = server_context(authority.issue_cert("localhost"))
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("ALL:@SECLEVEL=0")
    with ScriptedServer(tls=context) as server, pytest.raises(FatalError, match="TLS failed"):
        open_sink(server.url, verify=str(ca_file)).write(sealed(b"1"))


def test_a_server_without_tls_is_fatal(open_sink, sealed) -> None:
    """An https endpoint at a plain HTTP port is a mistake in the endpoint."""
    with ScriptedServer() as server, pytest.raises(FatalError, match=r"TLS failed: (wrong version number|record layer)"):
        open_sink(server.url.replace("http:", "https:")).write(sealed(b"1"))


def test_verification_is_off_only_on_request_and_warned_of_once_per_start(
    open_sink, sealed, authority, caplog, context
) -> None:
    """``verify: false`` sends, and says at the start what that means; opening again after an outage does not repeat it."""
    caplog.set_level(logging.WARNING)
    with ScriptedServer(tls=server_context(authority.issue_cert("localhost"))) as server:
        sink = open_sink(server.url + "/?k=s3cr3t", verify=False)
        assert sink.write(sealed(b"1")) == WriteResult()
        sink.open(context)
    (record,) = caplog.records
    assert record.getMessage() == (
        f"sink http: verify is false: anyone on the way to {server.url}/?*** can read and change what is sent"
    )


def test_a_client_certificate_is_shown(open_sink, sealed, authority, ca_file, tmp_path) -> None:
    """Mutual TLS: the server that asks for a certificate gets ours."""
    context = server_context(authority.issue_cert("localhost"))
    authority.configure_trust(context)
    context.verify_mode = ssl.CERT_REQUIRED
    mine = authority.issue_cert("client@example.com")
    mine.private_key_and_cert_chain_pem.write_to_path(tmp_path / "client.pem")
    with ScriptedServer(tls=context) as server:
        sink = open_sink(server.url, verify=str(ca_file), client_certificate=str(tmp_path / "client.pem"))
        assert sink.write(sealed(b"1")) == WriteResult()


@pytest.mark.parametrize("option", ["verify", "client_certificate"])
@pytest.mark.parametrize("content", [None, b"", b"no pem"])
def test_a_file_that_is_no_certificate_is_named_at_the_start(open_sink, tmp_path, option, content) -> None:
    """A missing or useless file stops the pipeline when the sink is opened."""
    path = tmp_path / "some.pem"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(FatalError, match=f"{option}: .*some.pem (does not exist|cannot be used)"):
        open_sink("https://localhost:1", **{option: str(path)})


def test_an_encrypted_key_without_its_password_never_asks_the_terminal(open_sink, tmp_path, authority) -> None:
    """A key that cannot be opened is an error, not a prompt."""
    from cryptography.hazmat.primitives import serialization

    mine = authority.issue_cert("client@example.com")
    key = serialization.load_pem_private_key(mine.private_key_pem.bytes(), None)
    (tmp_path / "key.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.BestAvailableEncryption(b"pw")
        )
    )
    mine.cert_chain_pems[0].write_to_path(tmp_path / "cert.pem")
    files = {"client_certificate": str(tmp_path / "cert.pem"), "client_key": str(tmp_path / "key.pem")}
    with pytest.raises(FatalError, match=r"client_certificate: .* cannot be used"):
        open_sink("https://localhost:1", **files)
    open_sink("https://localhost:1", **files, client_key_password="pw")
