"""Builds a history from tables of rows."""
