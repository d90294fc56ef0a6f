"""Tables of rows to a history."""
