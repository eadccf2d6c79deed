"""How much processor time and memory does an event loop need for what event loops are for?

    python benchmarks/loop.py [--quick] [--loops NAME…] [--workloads NAME…] [--python PATH…] …

`coroscope bench` itself, from a checkout; `--help` lists the options.
"""

from __future__ import annotations

import sys

from coroscope.cli import main

if __name__ == "__main__":
    sys.argv.insert(1, "bench")
    main()
