"""Alerts: what changed of a lead or of the model's verdict goes to web hooks, each kept until it is taken."""
