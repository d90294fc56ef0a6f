"""Writes a whole history into the database of the service, with its own moments of knowing."""
