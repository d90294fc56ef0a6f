"""A few leads as they come in a request, checked and laid out as columns."""
