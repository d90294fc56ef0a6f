"""The service's database: engine, tables, statements, and the one writer."""
