"""Run a module of this very coroscope on any Python, which need not have coroscope installed.

`PYTHON boot.py MODULE [ARGUMENT…]` calls the module's `main()`.

Rule: an older Python must get as far as saying that it is too old: plain syntax up to there.
Rule: `coroscope` alone becomes importable, not what another Python has installed beside it.
"""

import sys


def main():  # type: ignore[no-untyped-def]
    if sys.version_info < (3, 11):  # noqa: UP036
        sys.exit("it is Python %d.%d" % sys.version_info[:2])  # noqa: UP031
    from importlib import import_module
    from importlib.util import module_from_spec, spec_from_file_location
    from pathlib import Path

    here = Path(__file__).resolve().parent
    sys.path[:] = [
        place for place in sys.path if place != str(here)
    ]  # `queue` must not be found in this folder
    spec = spec_from_file_location("coroscope", here.parent / "__init__.py")
    assert spec is not None
    assert spec.loader is not None
    package = sys.modules["coroscope"] = module_from_spec(spec)
    spec.loader.exec_module(package)
    import_module(sys.argv.pop(1)).main()


if __name__ == "__main__":
    main()  # type: ignore[no-untyped-call]
