"""Rows of the source as rows of a history: cells by their types, blocks as SQL, and why a row is left out."""
