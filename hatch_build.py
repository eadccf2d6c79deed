"""The package's build compiles the recorder's short ways where it can; without them the package is for any platform."""

from __future__ import annotations

import importlib.util
import sysconfig
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

SOURCES = Path(__file__).resolve().parent / "src" / "quick"


def _builder() -> Any:
    specification = importlib.util.spec_from_file_location("coroscope_quick_build", SOURCES / "build.py")
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


class CustomBuildHook(BuildHookInterface):  # type: ignore[type-arg]
    """Runs src/quick/build.py."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Before the wheel is put together; `version` may be "editable"."""
        quick = _builder()
        try:
            built = quick.build()
        except quick.CannotBuild as reason:
            self.app.display_warning(f"coroscope's recorder will run in Python, not compiled: {reason}")
            return
        if version == "editable":
            return
        build_data["artifacts"].append(str(built.relative_to(self.root)))
        build_data["pure_python"] = False
        machine = sysconfig.get_platform().replace("-", "_").replace(".", "_")
        build_data["tag"] = f"cp311-abi3-{machine}"
