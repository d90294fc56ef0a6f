"""A few leads from a request as the columns of a history."""
