"""The front of all that is kept, and reading it."""
