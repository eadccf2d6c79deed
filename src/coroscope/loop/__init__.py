"""How tasks run: the event loop, its tasks, futures and timers. Imports the standard library only."""
