"""What a feature is: measures, declarations, validation, wording, and the default catalogue."""
