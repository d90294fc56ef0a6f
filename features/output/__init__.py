"""Writes features to files."""
