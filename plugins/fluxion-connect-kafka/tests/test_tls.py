"""TLS, with each client: who is trusted, who is not, and what a file that cannot be used is called."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme
from fluxion_connect_kafka.testing.broker import SmallBroker
from fluxion_connect_kafka.testing.ends import numbers, sealed
from fluxion_connect_kafka.testing.fixtures import KAFKA_MARKS

from fluxion_core.spi.signals import FatalError

pytestmark = [*KAFKA_MARKS, pytest.mark.xdist_group("kafka")]


@pytest.fixture
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def tls_broker(authority) -> Iterator[SmallBroker]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    with SmallBroker(tls=context) as broker:
        broker.create_topic("t")
        yield broker


def trusting(authority: trustme.CA, folder: Path) -> dict[str, object]:
    """Return the options of somebody who trusts *authority*."""
    authority.cert_pem.write_to_path(folder / "ca.pem")
    return {"security_protocol": "SSL", "ssl_cafile": str(folder / "ca.pem"), "connect_timeout_seconds": 3}


def test_records_go_out_and_come_back_under_a_trusted_certificate(tls_broker, authority, reading, writing, tmp_path) -> None:
    options = trusting(authority, tmp_path)
    with writing(tls_broker, "t", **options) as sink:
        sink.write(sealed(numbers(0, 3)))
    with reading(tls_broker, "t", **options) as reader:
        assert numbers(0, 3) == reader.read(3)


def test_a_certificate_of_somebody_else_stops(tls_broker, reading, tmp_path) -> None:
    options = trusting(trustme.CA(), tmp_path)
    with pytest.raises(FatalError, match="check ssl_cafile"), reading(tls_broker, "t", **options):
        pass


def test_a_file_that_holds_no_certificate_is_named(tls_broker, reading, tmp_path) -> None:
    (tmp_path / "ca.pem").write_text("nothing")
    options = {"security_protocol": "SSL", "ssl_cafile": str(tmp_path / "ca.pem")}
    with pytest.raises(FatalError, match=r"ssl_cafile .* cannot be used"), reading(tls_broker, "t", **options):
        pass
