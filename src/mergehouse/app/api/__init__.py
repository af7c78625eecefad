"""The figures for programs: JSON with tokens, and the tools of assistants."""
