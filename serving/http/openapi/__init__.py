"""The described API: schemas, examples and descriptions of every route."""
