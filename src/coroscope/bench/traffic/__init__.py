"""What event loops are for: servers on the loop under test, and another process that asks them."""
