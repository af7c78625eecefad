"""Raw files to Bronze: every row of every file, text unchanged, nothing lost."""
