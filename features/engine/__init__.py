"""The engine: computes declared features from the rows of a history."""
