"""How much processor time and memory does a server need on each event loop?

    python benchmarks/io.py [--quick] [--loops NAME…] [--workloads NAME…] [--python PATH…] …

`coroscope bench --io` itself, from a checkout; `--help` lists the options.
"""

from __future__ import annotations

import sys

from coroscope.cli import main

if __name__ == "__main__":
    sys.argv[1:1] = ["bench", "--io"]
    main()
