"""Opens the tables of a source: files, sheets of workbooks, tables of a database."""
