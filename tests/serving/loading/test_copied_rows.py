"""Rows that are copied into PostgreSQL."""

from __future__ import annotations

import io
from pathlib import Path

import pyarrow as pa
import pytest
import sqlalchemy as sa

from features.sources.connections import open_engine
from serving.loading.copied_rows import copy_csv, write_csv
from tests.support.stores import running_postgresql

TABLE = sa.Table("copied", sa.MetaData(), sa.Column("place", sa.BigInteger), sa.Column("key", sa.LargeBinary))


def test_copy_csv__copies_batches_and_says_what_the_server_refuses(tmp_path: Path) -> None:
    rows = pa.table({"place": [0, 1, 2], "key": pa.array([b"\x00a", b"\xffb", b"\\N"], pa.binary())})
    path = tmp_path / "rows.csv"
    batches = [{"rows": (0, 1)}, {"rows": (1, 3)}]

    spans = write_csv({"rows": rows}, batches, path)

    with running_postgresql() as server, path.open("rb") as file:
        engine = open_engine(server)
        for span, expected in zip(spans, ([(0, b"\x00a")], [(1, b"\xffb"), (2, b"\\N")]), strict=True):
            with engine.begin() as connection:
                copy_csv(connection, file, span, {"rows": TABLE})
                found = connection.execute(sa.select(TABLE).order_by("place")).all()
            assert [(place, bytes(key)) for place, key in found] == expected
        with engine.connect() as connection, pytest.raises(sa.exc.OperationalError, match="invalid input"):
            copy_csv(connection, io.BytesIO(b"x,y\n"), {"rows": (0, 4)}, {"rows": TABLE})
        engine.dispose()
