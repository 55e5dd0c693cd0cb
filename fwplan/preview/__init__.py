"""A plan in writing: for people, for a shell, and for the programs that load rules."""
