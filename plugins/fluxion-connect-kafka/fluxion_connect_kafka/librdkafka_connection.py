"""What every client of librdkafka needs: its settings, and words for what it reports."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from confluent_kafka import KafkaError, KafkaException

from fluxion_connect_kafka.client import BrokerError, Fault
from fluxion_connect_kafka.client_log import LogTail
from fluxion_connect_kafka.librdkafka_codes import ADVICE, LOGIN_ERRORS, REFUSALS, SILENCES
from fluxion_connect_kafka.options import KafkaOptions
from fluxion_connect_kafka.properties import COMMON_LIBRDKAFKA, normalised
from fluxion_connect_kafka.tls import tls_context

__all__ = ["LibrdkafkaConnection"]

_LOGGER = "librdkafka"
_KEPT_ERRORS = 50
_EVERYBODY = "brokers are down"  # says no more than that
_CERTIFICATE_WORDS = ("certificate verify failed", "certificate_verify_failed", "hostname mismatch", "alert unknown ca")


class LibrdkafkaConnection:
    """The settings of one component's clients, and what they reported about their connections.

    Raises:
        BrokerError: a file that the options name cannot be used.
    """

    def __init__(self, config: KafkaOptions, client_id: str) -> None:
        """Read the certificates that *config* names, to say which is wrong; reach no network."""
        tls_context(config)
        self.config = config
        given = normalised(config.client_properties)
        self.properties = _dotted(given)
        common = _dotted({name: value for name, value in given.items() if name in COMMON_LIBRDKAFKA})
        self.settings = _settings(config, client_id) | common
        self._log = LogTail(_LOGGER)
        self._heard: deque[KafkaError] = deque(maxlen=_KEPT_ERRORS)

    @property
    def timeout_seconds(self) -> float:
        """How long a question may take."""
        return self.config.connect_timeout_seconds

    def close(self) -> None:
        """Stop listening to the log."""
        self._log.close()

    def build(self, kind: Callable[..., Any], what: str, settings: Mapping[str, Any]) -> Any:
        """Return a client of *kind*, which begins to connect by itself.

        Raises:
            BrokerError: librdkafka refuses a setting.
        """
        with self.doing(what):
            return kind({**settings, "error_cb": self._heard.append}, logger=logging.getLogger(_LOGGER))

    @contextmanager
    def doing(self, what: str, serve: Callable[[], object] = lambda: None) -> Iterator[None]:
        """Turn whatever confluent-kafka raises within into a :class:`BrokerError` about *what* (``"reading topic x"``).

        *serve* lets the client report what it has found out about its connections, which it does only when it is polled.
        """
        try:
            yield
        except KafkaException as error:
            serve()
            raise self.explain(error.args[0], what) from error

    def explain(self, error: KafkaError, what: str) -> BrokerError:
        """Return *error*, which came of *what*, in words and with whose fault it is."""
        refusal = self.refusal(what)
        if error.code() in SILENCES:
            return refusal or self.silence(what)
        return self._told(what, _words(error), ADVICE.get(error.code(), ""), refused=error.code() in REFUSALS)

    def refusal(self, what: str) -> BrokerError | None:
        """Return the error that the connections will never come about, if a client has reported that."""
        for heard in list(self._heard):
            if heard.code() in LOGIN_ERRORS:
                return self._told(what, _words(heard), ADVICE[heard.code()], refused=True)
            if any(word in heard.str().lower() for word in _CERTIFICATE_WORDS):
                return self._told(
                    what, _words(heard), "check ssl_cafile and the names in the brokers' certificate", refused=True
                )
        return None

    def silence(self, what: str, seconds: float | None = None) -> BrokerError:
        """Return the error that nobody answered in time, with the last reasons that the clients reported."""
        heard = [error.str() for error in list(self._heard) if _EVERYBODY not in error.str()]
        last = "; ".join(list(dict.fromkeys(reversed(heard)))[:2][::-1])
        patience = self.timeout_seconds if seconds is None else seconds
        return self._told(what, f"no answer within {patience:g} s" + (f" ({last})" if last else ""), "", refused=False)

    def _told(self, what: str, reason: str, advice: str, *, refused: bool) -> BrokerError:
        servers = ",".join(self.config.bootstrap_servers)
        message = f"{what}: {reason}" + (f"; {advice}" if advice else "") + f" (brokers: {servers})"
        return BrokerError(message, Fault.REFUSED if refused else Fault.OUTAGE)

    def forget_errors(self) -> None:
        """Forget what the clients reported: all is well (again)."""
        self._heard.clear()
        self._log.clear()


def _dotted(properties: Mapping[str, Any]) -> dict[str, Any]:
    return {name.replace("_", "."): value for name, value in properties.items()}


def _settings(config: KafkaOptions, client_id: str) -> dict[str, Any]:
    """Return what consumers, producers and admin clients have in common."""
    found: dict[str, Any] = {
        "bootstrap.servers": ",".join(config.bootstrap_servers),
        "client.id": client_id,
        "reconnect.backoff.max.ms": 2000,
        "security.protocol": config.security_protocol,
    }
    if config.sasl_mechanism is not None and config.sasl_password is not None:
        found |= {
            "sasl.mechanism": config.sasl_mechanism,
            "sasl.username": config.sasl_username,
            "sasl.password": config.sasl_password.reveal(),
        }
    if config.security_protocol.endswith("SSL"):
        named = {
            "ssl.ca.location": config.ssl_cafile,
            "ssl.certificate.location": config.ssl_certfile,
            "ssl.key.location": config.ssl_keyfile or config.ssl_certfile,
            "ssl.crl.location": config.ssl_crlfile,
            "ssl.cipher.suites": config.ssl_ciphers,
        }
        found |= {name: str(value) for name, value in named.items() if value is not None}
        if config.ssl_password is not None:
            found["ssl.key.password"] = config.ssl_password.reveal()
        found["ssl.endpoint.identification.algorithm"] = "https" if config.ssl_check_hostname else "none"
    return found


def _words(error: KafkaError) -> str:
    """Return the name that Kafka gives to the error, and what librdkafka says beyond that."""
    name = "".join(part.capitalize() for part in error.name().strip("_").split("_"))
    return f"{name} ({error.str().removeprefix('Broker: ')})"
