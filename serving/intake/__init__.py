"""What is sent to the service, checked and written exactly once."""
