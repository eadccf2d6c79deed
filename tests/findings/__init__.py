"""Tests of what is found in recordings."""
