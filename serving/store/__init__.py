"""The store of a server, and reading leads, lists, audit trail and health from it."""
