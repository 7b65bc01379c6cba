"""Floor 0: words and decisions. Standard library only, no I/O, no asyncio, no clock of its own."""
