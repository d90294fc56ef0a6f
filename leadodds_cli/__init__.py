"""The command line: every subcommand of `leadodds`, one call into a room each."""
