"""Bundles scripts and styles when the package is built or installed; frontend/bundle.py does it."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class BundleHook(BuildHookInterface):
    """A wheel is not built without the bundle; anything else goes on, and `mergehouse serve` says that it is
    missing.
    """

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        spec = importlib.util.spec_from_file_location("bundle", Path(self.root) / "frontend" / "bundle.py")
        assert spec and spec.loader
        frontend = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(frontend)
        if frontend.is_fresh():
            return
        try:
            frontend.bundle()
        except RuntimeError as error:
            message = f"the scripts and styles of the web suite could not be bundled ({error})"
            if self.target_name == "wheel" and version == "standard":
                raise SystemExit(f"{message}; a wheel needs them.") from None
            self.app.display_warning(f"{message}; `mergehouse serve` does not work without them.")
