"""What is stored of a training."""
