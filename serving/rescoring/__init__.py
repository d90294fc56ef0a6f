"""Keeps the current scores of the store current, on the engine that scores at night, beside the server."""
