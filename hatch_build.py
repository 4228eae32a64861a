"""Build hook: compiles the engine's native kernels into the wheel or, for an editable install, beside their sources."""

from __future__ import annotations

import runpy
import sysconfig
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

KERNELS = Path("src/engine/kernels")


class NativeKernels(BuildHookInterface):
    """Without a compiler the build goes on: the engine then computes with torch alone."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        module = runpy.run_path(str(Path(self.root) / KERNELS / "compile.py"))
        failure = module["compile_library"]()
        if failure is not None:
            self.app.display_warning(f"Native kernels were not built, torch will be used instead: {failure}")
            return
        build_data["artifacts"].append(str(KERNELS / module["LIBRARY"].name))
        build_data["pure_python"] = False
        build_data["tag"] = f"py3-none-{sysconfig.get_platform().replace('-', '_').replace('.', '_')}"
