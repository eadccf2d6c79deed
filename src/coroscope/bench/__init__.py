"""Event loops beside one another: how much processor time each needs for what event loops are for."""
