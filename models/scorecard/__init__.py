"""The model as tables, and all that is computed from it."""
