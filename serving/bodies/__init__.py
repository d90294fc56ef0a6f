"""Bytes of a request to checked bodies."""
