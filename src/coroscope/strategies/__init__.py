"""How a workload runs: one module a strategy, and `map`, which runs any of them in production."""
