"""The client library that the options choose, and its errors in the runtime's terms."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from fluxion_connect_kafka.client import BrokerError, Client, Fault
from fluxion_connect_kafka.options import KafkaOptions
from fluxion_connect_kafka.properties import LIBRDKAFKA
from fluxion_core.spi import Context
from fluxion_core.spi.signals import FatalError, TransientError

__all__ = ["connect", "told"]

T = TypeVar("T")


def connect(config: KafkaOptions, context: Context) -> Client:
    """Return a client for *config*; the client library is imported only here.

    Raises:
        FatalError: a certificate file cannot be used, or the library is not installed.
    """
    client_id = f"fluxion-{context.pipeline_id}"
    if config.client == LIBRDKAFKA:
        try:
            import confluent_kafka  # noqa: F401  # an extra
        except ImportError as error:
            raise FatalError(
                f"client: {LIBRDKAFKA} needs confluent-kafka ({error}): pip install 'fluxion-connect-kafka[librdkafka]'"
            ) from error
        from fluxion_connect_kafka.librdkafka_client import LibrdkafkaClient

        return told(lambda: LibrdkafkaClient(config, client_id))
    from fluxion_connect_kafka.kafka_python_client import KafkaPythonClient

    return told(lambda: KafkaPythonClient(config, client_id))


def told(action: Callable[[], T]) -> T:
    """Return what *action* returns; what the brokers did wrong is told in the runtime's terms.

    Raises:
        TransientError: the brokers do not answer just now.
        FatalError: they never will with these options.
    """
    try:
        return action()
    except BrokerError as error:
        if error.fault is Fault.REFUSED:
            raise FatalError(str(error)) from error
        raise TransientError(str(error)) from error
