"""Answers to requests with an Idempotency-Key, stored in the transaction that writes what they acknowledge.

Whoever sends the same request with the same key again, because no answer came, gets the answer of the first
one. The items themselves are stored once in any case; the key keeps what was said of them.

Source: draft-ietf-httpapi-idempotency-key-header-07.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from functools import partial
from typing import Any, Final, NamedTuple, TypeVar

import sqlalchemy as sa
from pydantic_core import to_json

from features.errors import LeadOddsError
from features.times import US_PER_DAY
from serving.bodies.json_faults import rest_of
from serving.database.schema import STORED_ANSWER_LEADS, STORED_ANSWERS
from serving.database.statements import insert_rows, replacing
from serving.database.writer import Job, Receipt, Writer
from serving.errors import KeyReusedError
from serving.intake.erasures import erased_leads
from serving.intake.items import fingerprint

_T = TypeVar("_T")

KEPT_US: Final = US_PER_DAY
# Beyond these the oldest go first; with a thousand items each they fill some gigabytes.
MOST_ANSWERS: Final = 100_000
# Old answers go now and then, and not too many at once: other requests wait meanwhile.
_TRANSACTIONS_APART: Final = 64
_MOST_AT_ONCE: Final = 5_000
_NAMES: Final = frozenset({"lead_id", "alias_id", "userId", "anonymousId", "previousId"})


class AnsweredBeforeError(LeadOddsError):
    """A request that was answered before, with the body of its answer."""

    def __init__(self, body: bytes) -> None:
        super().__init__("The request was answered before.")
        self.body = body


class Once(NamedTuple):
    """A request that is to be answered once.

    Attributes:
        key: hash of the key that it was sent with, and of whose it is.
        request: hash of all else that it says.
        lead_ids: that it names.
    """

    key: bytes
    request: bytes
    lead_ids: frozenset[str]


def once_of(sent_key: str, *, key_id: str, method: str, path: bytes, body: bytes, named: object) -> Once:
    """Makes the identity of a request.

    Args:
        sent_key: the Idempotency-Key.
        key_id: of the key of the API; each has its own.
        method: of the request.
        path: as it was sent.
        body: as it was sent.
        named: id of the lead in the path, and the parsed body.
    """
    request = hashlib.blake2b(b"\0".join((method.encode(), path, body)), digest_size=16).digest()
    return Once(fingerprint(key_id, sent_key), request, frozenset(_ids_in({"lead_id": named})))


class AnsweringWriter:
    """Runs jobs of one request in transactions of the writer, and stores the answer with what they write."""

    def __init__(
        self, writer: Writer, once: Once, answer: Callable[[Any], Mapping[str, object]], *, salt: bytes
    ) -> None:
        self._writer = writer
        self._once = once
        self._answer = answer
        self._salt = salt

    def submit(self, job: Job[_T]) -> Future[_T]:
        """Queues a job; see `Writer.submit`.

        Returns:
            What the job returned; AnsweredBeforeError where the request came before, KeyReusedError where
            another one did, with the same key.
        """
        return self._writer.submit(partial(self._run, job))

    def submit_parts(self, parts: Sequence[Job[Sequence[_T]]]) -> Future[list[_T]]:
        """Queues a job in parts; see `Writer.submit_parts`. The answer is stored with the last one."""
        first, last, returned = parts[0], parts[-1], list[_T]()

        def run(job: Job[Sequence[_T]], connection: sa.Connection, receipt: Receipt) -> Sequence[_T]:
            if job is first:
                self._refuse_answered(connection, receipt)
            own = job(connection, receipt)
            returned.extend(own)
            if job is last:
                self._keep_answer(connection, receipt, returned)
            return own

        return self._writer.submit_parts([partial(run, job) for job in parts])

    def _run(self, job: Job[_T], connection: sa.Connection, receipt: Receipt) -> _T:
        self._refuse_answered(connection, receipt)
        returned = job(connection, receipt)
        self._keep_answer(connection, receipt, returned)
        return returned

    def _refuse_answered(self, connection: sa.Connection, receipt: Receipt) -> None:
        stored = STORED_ANSWERS.c
        is_ours = (stored.key == self._once.key) & (stored.answered_at > receipt.at - KEPT_US)
        found = connection.execute(sa.select(stored.request, stored.body).where(is_ours)).first()
        if found is not None and bytes(found.request) != self._once.request:
            raise KeyReusedError
        if found is not None:
            raise AnsweredBeforeError(bytes(found.body))

    def _keep_answer(self, connection: sa.Connection, receipt: Receipt, returned: object) -> None:
        answer = self._answer(returned)
        lead_ids = self._once.lead_ids | {*_ids_in(answer)}
        # An answer that names an erased lead is not stored: it would be the same again.
        if not erased_leads(connection, self._salt, lead_ids):
            _store(connection, receipt, self._once, to_json(answer), lead_ids)
        if receipt.sequence % _TRANSACTIONS_APART == 0:
            drop_old_answers(connection, now=receipt.at)


def drop_old_answers(connection: sa.Connection, *, now: int) -> None:
    """Removes answers that have expired, and the oldest of too many."""
    stored = STORED_ANSWERS.c
    count = sa.select(sa.func.count()).select_from(STORED_ANSWERS)
    expired = connection.execute(count.where(stored.answered_at <= now - KEPT_US)).scalar_one()
    surplus = max(expired, connection.execute(count).scalar_one() - MOST_ANSWERS)
    if surplus > 0:
        oldest = sa.select(stored.key).order_by(stored.answered_at).limit(min(surplus, _MOST_AT_ONCE))
        _drop(connection, [*connection.scalars(oldest)])


def erase_answers(connection: sa.Connection, lead_ids: Iterable[str]) -> None:
    """Removes the answers that name some leads."""
    named = sa.select(STORED_ANSWER_LEADS.c.key).where(STORED_ANSWER_LEADS.c.lead_id.in_([*lead_ids]))
    _drop(connection, [*connection.scalars(named.distinct())])


def _drop(connection: sa.Connection, keys: list[bytes]) -> None:
    for table in (STORED_ANSWER_LEADS, STORED_ANSWERS):
        for start in range(0, len(keys), 500):
            part = keys[start : start + 500]
            connection.execute(sa.delete(table).where(table.c.key.in_(part)))


def _store(
    connection: sa.Connection, receipt: Receipt, once: Once, body: bytes, lead_ids: Iterable[str]
) -> None:
    # One that has expired makes way.
    connection.execute(sa.delete(STORED_ANSWER_LEADS).where(STORED_ANSWER_LEADS.c.key == once.key))
    row = {"key": once.key, "request": once.request, "body": body, "answered_at": receipt.at}
    connection.execute(replacing(connection, STORED_ANSWERS), row)
    rows = [{"key": once.key, "lead_id": lead_id} for lead_id in sorted(lead_ids)]
    insert_rows(connection, STORED_ANSWER_LEADS, rows)


def _ids_in(part: object) -> Iterable[str]:
    """Finds the ids of leads anywhere in a document."""
    part = rest_of(part)
    if isinstance(part, Mapping):
        for name, value in part.items():
            if name in _NAMES and isinstance(value, str):
                yield value
            else:
                yield from _ids_in(value)
    elif isinstance(part, list):
        for item in part:
            yield from _ids_in(item)
