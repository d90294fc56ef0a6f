"""The bodies of requests: parsed strictly and checked."""
