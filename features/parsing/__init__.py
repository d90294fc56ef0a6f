"""Reads one column of cells as an array of texts, numbers or times."""
