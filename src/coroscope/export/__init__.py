"""A trace in other tools' formats."""
