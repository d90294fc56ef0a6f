"""The scorecard beside other libraries, on the same features."""
