"""Transactions are whole or nothing, and statements that are composed once say what they would say anew."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa

from serving.database.engine import lock_for_writing, open_store_engine
from serving.database.preparation import prepare_database
from serving.database.schema import ERASED
from serving.database.statements import CompiledLookUp, insert_rows
from serving.database.transactions import Transactions, savepoint
from tests.support.stores import secret_file

READS_AT_ONCE = 8


@pytest.fixture
def engine(database: str) -> Iterator[sa.Engine]:
    engine = open_store_engine(database)
    with engine.begin() as connection:
        lock_for_writing(connection)
        prepare_database(connection, place="the test", secret_file=secret_file())
    yield engine
    engine.dispose()


def add(connection: sa.Connection, *numbers: int) -> None:
    insert_rows(connection, ERASED, [{"hash": b"%d" % number, "erased_at": number} for number in numbers])


def stored(connection: sa.Connection) -> list[int]:
    return list(connection.scalars(sa.select(ERASED.c.erased_at).order_by(ERASED.c.erased_at)))


def test_run__keeps_what_was_committed_and_takes_back_what_failed(engine: sa.Engine) -> None:
    writing, reading = Transactions(engine, writes=True), Transactions(engine)

    def fail(connection: sa.Connection) -> None:
        add(connection, 2)
        raise KeyError("after it wrote")

    writing.run(lambda connection: add(connection, 1))
    with pytest.raises(KeyError, match="after it wrote"):
        writing.run(fail)
    writing.run(lambda connection: add(connection, 3))

    assert reading.run(stored) == [1, 3]
    writing.close()
    reading.close()


def test_run__sees_one_state_while_others_write(engine: sa.Engine) -> None:
    writing, reading = Transactions(engine, writes=True), Transactions(engine)

    def read_around_a_write(connection: sa.Connection) -> tuple[list[int], list[int]]:
        before = stored(connection)
        writing.run(lambda other: add(other, 1))
        return before, stored(connection)

    assert reading.run(read_around_a_write) == ([], [])
    assert reading.run(stored) == [1]
    writing.close()
    reading.close()


def test_run__leaves_connections_for_others_after_many_at_once(engine: sa.Engine) -> None:
    reading, together = Transactions(engine), threading.Barrier(READS_AT_ONCE)

    def read(connection: sa.Connection) -> list[int]:
        together.wait(timeout=60)
        return stored(connection)

    with ThreadPoolExecutor(READS_AT_ONCE) as pool:
        reads = [pool.submit(reading.run, read) for _ in range(READS_AT_ONCE)]
        assert [read.result() for read in reads] == [[]] * READS_AT_ONCE

    assert isinstance(engine.pool, sa.QueuePool)
    assert engine.pool.checkedout() <= READS_AT_ONCE // 2
    reading.close()
    assert engine.pool.checkedout() == 0


def test_savepoint__takes_back_its_own_block_alone(engine: sa.Engine) -> None:
    writing = Transactions(engine, writes=True)

    def fail(connection: sa.Connection) -> None:
        with savepoint(connection):
            add(connection, 2)
            raise KeyError("after it wrote")

    def write(connection: sa.Connection) -> list[int]:
        add(connection, 1)
        with pytest.raises(KeyError, match="after it wrote"):
            fail(connection)
        with savepoint(connection):
            add(connection, 3)
        return stored(connection)

    assert writing.run(write) == [1, 3]
    writing.close()


@pytest.mark.parametrize("count", [0, 1, 99, 100, 101, 250])
def test_rows__finds_every_key_once(engine: sa.Engine, count: int) -> None:
    look_up = CompiledLookUp(sa.select(ERASED.c.erased_at), ERASED.c.hash)
    keys = [b"%d" % number for number in range(count)]

    with engine.begin() as connection:
        lock_for_writing(connection)
        add(connection, *range(0, 300, 2))
        found = look_up.rows(connection, keys)

    assert sorted(number for (number,) in found) == list(range(0, count, 2))
