"""A draft of a map for files or a database, by what their columns hold and are called."""
