"""The value that everything works on: leads, interactions, outcomes, changes, and what is known when."""
