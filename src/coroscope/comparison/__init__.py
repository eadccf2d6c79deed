"""One workload under every strategy: really run, measured, recorded, and judged."""
