"""What a feature is: measures, declarations, names, wording, and the default catalogue."""
