"""What came in lately, beside the weeks before and the training."""
