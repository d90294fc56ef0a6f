"""The one writer: jobs that wait share a transaction, unless the ones before took long."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
import sqlalchemy as sa

from serving.database import writer
from serving.database.writer import Receipt
from tests.support.stores import HandClock, open_store


@pytest.mark.parametrize(("seconds", "transactions"), [(60.0, 1), (-1.0, 3)])
def test_writer__begins_no_other_job_in_a_long_transaction(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seconds: float, transactions: int
) -> None:
    monkeypatch.setattr(writer, "_LONG_SECONDS", seconds)
    store = open_store(f"sqlite:///{tmp_path / 'service.db'}", clock=HandClock(0))
    has_begun, may_go_on = threading.Event(), threading.Event()

    def first(connection: sa.Connection, receipt: Receipt) -> int:
        has_begun.set()
        may_go_on.wait(60)
        return receipt.sequence

    def sequence(connection: sa.Connection, receipt: Receipt) -> int:
        return receipt.sequence

    begun = store.write(first)
    has_begun.wait(60)
    waiting = [store.write(sequence) for _ in range(3)]
    may_go_on.set()
    numbers = [future.result(60) for future in (begun, *waiting)]
    store.close()

    assert numbers == sorted(numbers)
    assert len({*numbers[1:]}) == transactions
    assert numbers[0] < numbers[1]


def test_writer__commits_urgent_jobs_before_all_others_and_apart_from_them(tmp_path: Path) -> None:
    store = open_store(f"sqlite:///{tmp_path / 'service.db'}", clock=HandClock(0))
    has_begun, may_go_on = threading.Event(), threading.Event()

    def first(connection: sa.Connection, receipt: Receipt) -> int:
        has_begun.set()
        may_go_on.wait(60)
        return receipt.sequence

    def sequence(connection: sa.Connection, receipt: Receipt) -> int:
        return receipt.sequence

    begun = store.write(first)
    has_begun.wait(60)
    usual = [store.write(sequence), store.write(sequence)]
    urgent = [store.write(sequence, is_urgent=True), store.write(sequence, is_urgent=True)]
    given_up = store.write(sequence, is_urgent=True)
    given_up.cancel()
    may_go_on.set()
    numbers = [[future.result(60) for future in futures] for futures in ([begun], urgent, usual)]
    # One that comes when nothing else waits is not forgotten, nor one before the end.
    alone = store.write(sequence, is_urgent=True).result(60)
    last = store.write(sequence, is_urgent=True)
    store.close()

    assert numbers == [[numbers[0][0]], [numbers[0][0] + 1] * 2, [numbers[0][0] + 2] * 2]
    assert (alone, last.result(0)) == (numbers[2][0] + 1, alone + 1)


def test_writer__lets_others_take_their_turns_between_the_parts_of_a_long_job(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "_SHORT_SECONDS", -1.0)
    monkeypatch.setattr(writer, "_LONG_SECONDS", 60.0)
    store = open_store(f"sqlite:///{tmp_path / 'service.db'}", clock=HandClock(0))
    has_begun, may_go_on = threading.Event(), threading.Event()

    def first(connection: sa.Connection, receipt: Receipt) -> list[int]:
        has_begun.set()
        may_go_on.wait(60)
        return [receipt.sequence]

    def part(connection: sa.Connection, receipt: Receipt) -> list[int]:
        return [receipt.sequence]

    long = store._writer.submit_parts([first, part, part])
    has_begun.wait(60)
    usual = store.write(part)
    urgent = store.write(part, is_urgent=True)
    may_go_on.set()
    (begun, second, third), (hurried,), (other,) = (future.result(60) for future in (long, urgent, usual))
    # Alone it is one transaction.
    alone = store._writer.submit_parts([part, part]).result(60)
    store.close()

    assert [hurried, other, second, third] == [begun + 1, begun + 2, begun + 2, begun + 2]
    assert alone == [third + 1] * 2


def test_writer__begins_no_part_after_an_error(tmp_path: Path) -> None:
    store = open_store(f"sqlite:///{tmp_path / 'service.db'}", clock=HandClock(0))
    begun = []

    def part(connection: sa.Connection, receipt: Receipt) -> list[int]:
        begun.append(receipt.sequence)
        if len(begun) == 2:
            raise ValueError("the second")
        return []

    with pytest.raises(ValueError, match="the second"):
        store._writer.submit_parts([part, part, part]).result(60)
    store.close()

    assert len(begun) == 2
