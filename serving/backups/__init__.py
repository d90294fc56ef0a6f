"""Copies the state of a service while it runs, and puts a copy back without those who were erased since."""
