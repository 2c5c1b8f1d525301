"""What every client of kafka-python needs: its settings, and words for what it raises."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from kafka import errors
from kafka.net.compat import KafkaNetClient

from fluxion_connect_kafka.client import BrokerError, Fault
from fluxion_connect_kafka.client_log import LogTail, hush_debug
from fluxion_connect_kafka.options import KafkaOptions
from fluxion_connect_kafka.properties import normalised
from fluxion_connect_kafka.tls import tls_context

__all__ = ["Connection"]

_REFUSALS: tuple[type[Exception], ...] = (
    errors.AuthorizationError,
    errors.IllegalSaslStateError,
    errors.InvalidConfigurationError,
    errors.InvalidRequiredAcksError,
    errors.InvalidTopicError,
    errors.KafkaConfigurationError,
    errors.PolicyViolationError,
    errors.SaslAuthenticationFailedError,
    errors.SecurityDisabledError,
    errors.UnsupportedCodecError,
    errors.UnsupportedForMessageFormatError,
    errors.UnsupportedSaslMechanismError,
    errors.UnsupportedVersionError,
)
_CERTIFICATE_WORDS = ("certificate verify failed", "certificate_verify_failed", "hostname mismatch", "alert unknown ca")
_SHOW_CREDENTIALS = (
    "kafka.admin.client",
    "kafka.consumer.group",
    "kafka.net.connection",
    "kafka.producer.kafka",
    "kafka.protocol.parser",
)
"""Loggers that print whole configurations, requests and frames at DEBUG, a login's password among them."""

_ADVICE: Mapping[type[Exception], str] = {
    errors.SaslAuthenticationFailedError: "check sasl_mechanism, sasl_username and sasl_password",
    errors.UnsupportedSaslMechanismError: "the brokers offer another sasl_mechanism",
    errors.TopicAuthorizationFailedError: "these credentials have no right to the topic; ask for an ACL",
    errors.GroupAuthorizationFailedError: "these credentials have no right to the group; ask for an ACL or set group_id",
    errors.ClusterAuthorizationFailedError: "these credentials have no such right in the cluster; ask for an ACL",
    errors.UnsupportedCodecError: "install the package of that compression: fluxion-connect-kafka[lz4], [snappy] or [zstd]",
}


class Connection:
    """The settings of one component's clients, and the log that says why they fail.

    Raises:
        BrokerError: a file that the options name cannot be used.
    """

    def __init__(self, config: KafkaOptions, client_id: str) -> None:
        """Read the certificates that *config* names; reach no network."""
        self.config = config
        self.properties = normalised(config.client_properties)
        self.settings = {**_settings(config, client_id), **self.properties}
        self._log = LogTail("kafka")
        if config.sasl_password is not None:
            hush_debug(_SHOW_CREDENTIALS)

    @property
    def timeout_ms(self) -> int:
        """How long a question may take."""
        return int(self.config.connect_timeout_seconds * 1000)

    def close(self) -> None:
        """Stop listening to the log."""
        self._log.close()

    @contextmanager
    def doing(self, what: str) -> Iterator[None]:
        """Turn whatever kafka-python raises within into a :class:`BrokerError` about *what* (``"reading topic x"``)."""
        try:
            yield
        except (errors.KafkaError, OSError) as error:
            raise self.explain(error, what) from error

    def explain(self, error: BaseException, what: str) -> BrokerError:
        """Return *error*, which came of *what*, in words and with whose fault it is."""
        servers = ",".join(self.config.bootstrap_servers)
        refused = isinstance(error, _REFUSALS)
        reason = _words(error)
        advice = next((text for kind, text in _ADVICE.items() if isinstance(error, kind)), "")
        if isinstance(error, errors.KafkaTimeoutError):
            reason, advice, refused = self._silence()
        message = f"{what}: {reason}" + (f"; {advice}" if advice else "") + f" (brokers: {servers})"
        return BrokerError(message, Fault.REFUSED if refused else Fault.OUTAGE)

    def _silence(self) -> tuple[str, str, bool]:
        """Return why nothing was answered in time, what to do, and whether it is a refusal: only the log tells."""
        for kind in (errors.SaslAuthenticationFailedError, errors.UnsupportedSaslMechanismError):
            if self._log.mentions(kind.__name__):
                return kind.__name__.removesuffix("Error"), _ADVICE[kind], True
        heard = "; ".join(self._log.last())
        reason = f"no answer within {self.config.connect_timeout_seconds:g} s" + (f" ({heard})" if heard else "")
        refused = self._log.mentions(*_CERTIFICATE_WORDS)
        return reason, "check ssl_cafile and the names in the brokers' certificate" if refused else "", refused

    def build(self, kind: Callable[..., Any], what: str, **settings: Any) -> Any:
        """Return a client of *kind* that has reached the brokers.

        A client that does not reach them leaves its thread and sockets behind; they are closed here.

        Raises:
            BrokerError: the brokers do not answer, or refuse us.
        """
        networks: list[Any] = []

        def network(*arguments: Any, **more: Any) -> Any:
            networks.append(KafkaNetClient(*arguments, **more))
            return networks[-1]

        self.forget_log()
        try:
            with self.doing(what):
                return kind(kafka_client=network, **settings)
        except BaseException:
            for left in networks:
                left.close()
            raise

    def forget_log(self) -> None:
        """Forget what the log said: all is well (again)."""
        self._log.clear()


def _settings(config: KafkaOptions, client_id: str) -> dict[str, Any]:
    login: dict[str, Any] = {}
    if config.sasl_mechanism is not None and config.sasl_password is not None:
        login = {
            "sasl_mechanism": config.sasl_mechanism,
            "sasl_plain_username": config.sasl_username,
            "sasl_plain_password": config.sasl_password.reveal(),
        }
    return {
        "bootstrap_servers": list(config.bootstrap_servers),
        "client_id": client_id,
        "bootstrap_timeout_ms": int(config.connect_timeout_seconds * 1000),
        "reconnect_backoff_max_ms": 2000,
        "security_protocol": config.security_protocol,
        "ssl_context": tls_context(config),
        **login,
    }


def _words(error: BaseException) -> str:
    """Return the name that Kafka gives to the error, and what it says beyond that."""
    name = type(error).__name__.removesuffix("Error")
    said = " ".join(str(part) for part in error.args if isinstance(part, str))
    return f"{name} ({said})" if said else name
