"""Floor 1: what is remembered, on real SQLite files."""
