"""Floor 0: what is decided, without any store."""
