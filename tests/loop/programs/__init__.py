"""Random programs that do what asyncio programs do, and their runs on a clock of their own.

A program is a tree of instructions; `running.run` runs it on a loop and returns all that could be observed.
"""
