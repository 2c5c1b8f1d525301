"""Idempotent and transactional producers: ids, epochs, and what each open transaction has touched."""

from __future__ import annotations

import itertools

import attrs

from fluxion_connect_kafka.testing.broker.codes import Code, Refused
from fluxion_connect_kafka.testing.broker.groups import Groups
from fluxion_connect_kafka.testing.broker.topics import Topics

__all__ = ["Transaction", "Transactions"]


@attrs.define
class Transaction:
    """One transactional id: its producer, and the partitions and groups of the transaction that is open."""

    producer_id: int
    epoch: int = 0
    partitions: set[tuple[str, int]] = attrs.field(factory=set)
    groups: set[str] = attrs.field(factory=set)


class Transactions:
    """The transaction coordinator."""

    def __init__(self, topics: Topics, groups: Groups) -> None:
        """Write markers into *topics* and apply offsets to *groups*."""
        self._topics = topics
        self._groups = groups
        self._ids = itertools.count(1000)
        self._transactions: dict[str, Transaction] = {}

    def new_producer(self) -> tuple[int, int]:
        """Return id and epoch for a producer that is idempotent but not transactional."""
        return next(self._ids), 0

    def initialise(self, transactional_id: str, producer_id: int, epoch: int) -> tuple[int, int]:
        """Return id and epoch for *transactional_id*: earlier owners are fenced, their open transaction is aborted.

        Raises:
            Refused: the caller names its *epoch* (recovery, KIP-360) and it is not the newest.
        """
        transaction = self._transactions.get(transactional_id)
        if transaction is None:
            transaction = self._transactions[transactional_id] = Transaction(next(self._ids))
            return transaction.producer_id, transaction.epoch
        if producer_id >= 0 and epoch != transaction.epoch:
            raise Refused(Code.PRODUCER_FENCED)
        transaction.epoch += 1
        self._end(transaction, committed=False)
        return transaction.producer_id, transaction.epoch

    def find(self, transactional_id: str, producer_id: int, epoch: int) -> Transaction:
        """Return the transaction of a producer.

        Raises:
            Refused: the id belongs to another producer, or a newer owner has fenced this one.
        """
        transaction = self._transactions.get(transactional_id)
        if transaction is None or transaction.producer_id != producer_id:
            raise Refused(Code.INVALID_PRODUCER_ID_MAPPING)
        if transaction.epoch != epoch:
            raise Refused(Code.PRODUCER_FENCED)
        return transaction

    def check_produce(self, transactional_id: str, epoch: int, topic_partition: tuple[str, int]) -> None:
        """Refuse a batch that is not of the open transaction of *transactional_id*.

        Raises:
            Refused: the producer is fenced, or the partition was not added to the transaction.
        """
        transaction = self._transactions.get(transactional_id)
        if transaction is None or transaction.epoch != epoch:
            raise Refused(Code.INVALID_PRODUCER_EPOCH)
        if topic_partition not in transaction.partitions:
            raise Refused(Code.INVALID_TXN_STATE)

    def end(self, transactional_id: str, producer_id: int, epoch: int, *, committed: bool) -> None:
        """Commit or abort the open transaction.

        Raises:
            Refused: as in :meth:`find`.
        """
        self._end(self.find(transactional_id, producer_id, epoch), committed=committed)

    def _end(self, transaction: Transaction, *, committed: bool) -> None:
        for name, index in transaction.partitions:
            topic = self._topics.get(name)
            if topic is not None and topic.partitions[index].is_open(transaction.producer_id):
                topic.partitions[index].end_transaction(transaction.producer_id, transaction.epoch, committed=committed)
        for group_id in transaction.groups:
            self._groups.get(group_id).end_transaction(transaction.producer_id, committed=committed)
        transaction.partitions.clear()
        transaction.groups.clear()
