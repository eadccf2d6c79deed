"""What a Python says of itself: its name and the loops that it has."""

from __future__ import annotations

import json
import platform
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec

from coroscope.bench.catalogue import PACKAGES


def main() -> None:
    """Print the description as one JSON object."""
    name = f"{platform.python_implementation()} {platform.python_version()}"
    print(json.dumps({"name": name, "packages": {package: _version(package) for package in PACKAGES}}))


def _version(package: str) -> str | None:
    """The version of a package that can be imported here, else None."""
    if find_spec(package) is None:
        return None
    try:
        return version(package)
    except PackageNotFoundError:
        return "of unknown version"
