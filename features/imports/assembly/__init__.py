"""The rows of all blocks as the tables of a history: made, added to those that are there, written."""
