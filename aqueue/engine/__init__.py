"""Floor 2: what moves jobs. No SQL, no command line."""
