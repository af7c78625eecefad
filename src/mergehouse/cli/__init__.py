"""The command line: a file for each panel of `mergehouse --help`, and what commands print."""
