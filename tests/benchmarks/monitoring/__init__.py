"""Does the monitor see what changed, and what is retraining after it worth?"""
