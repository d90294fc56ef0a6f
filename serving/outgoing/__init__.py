"""Calls to systems of others over HTTP: addresses, retries, and secrets, for write-back and for alerts."""
