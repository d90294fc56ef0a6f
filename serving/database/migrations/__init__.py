"""Migrations: how a database of the service gets from one version to the next, one file per step, by Alembic.

To change the tables, say from version 7 to version 8:

1. Change the declarations in `serving.database` or `features.sources.service_tables`, and set
   `VERSION` in `serving.database.schema` to 8. A new database is made from these declarations.
2. Add `versions/v8_<what changes>.py` with `revision = "8"`, `down_revision = "7"` and `upgrade()`, which
   makes the same change to an existing database; `versions/v3_outcome_ids.py` is an example.
   Write tables and columns out and import no declaration: those change again with version 9. A column that
   may not be null needs a `server_default`. SQLite adds columns, tables and indexes; for anything else there
   is `op.batch_alter_table`. `op.get_bind().dialect.name` tells the databases apart.
3. Run `pytest tests/serving/database`: it upgrades databases that version 2 wrote, on SQLite and PostgreSQL,
   and compares their tables with those of a new database.

All steps of an upgrade run in one transaction of the process that opens the database first; the others wait.
Alembic is loaded then, and never by a server whose database has the current version.
"""
