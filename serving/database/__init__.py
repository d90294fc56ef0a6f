"""The database of the service: engine, tables, migrations, statements and the one writer."""
