"""The value that everything works on: leads, interactions, outcomes and changes, and what is known of them when."""
