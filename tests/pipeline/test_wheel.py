"""What is uploaded: the wheel installs in an empty environment and runs the demonstration, and neither it nor
the source distribution lacks or holds anything that it should not.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
import zipfile
from decimal import Decimal
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
UV = Path(sys.prefix) / "bin" / "uv"
# builds a distribution and an environment
pytestmark = [
    pytest.mark.long("a distribution and an environment are built"),
    pytest.mark.skipif(not UV.exists(), reason="no uv in this environment: make test installs it"),
]


def uv(*arguments: object, **variables: object) -> None:
    """What uv does with what it has fetched already for this environment."""
    command = [str(UV), *map(str, arguments), "--offline", "--quiet"]
    surroundings = os.environ | {name: str(value) for name, value in variables.items()}
    done = subprocess.run(command, cwd=ROOT, env=surroundings, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    uv("build", "--out-dir", folder)
    return folder


def test_it_runs_the_demonstration_in_an_empty_environment(built: Path, tmp_path: Path) -> None:
    environment = tmp_path / "environment"
    needed = ("--no-dev", "--no-install-project", "--frozen", "--python", sys.executable)
    uv("sync", *needed, UV_PROJECT_ENVIRONMENT=environment, UV_PYTHON_DOWNLOADS="never")
    (wheel,) = built.glob("*.whl")
    uv("pip", "install", "--no-deps", "--python", environment / "bin" / "python", wheel)

    def mergehouse(*arguments: str) -> str:
        done = subprocess.run(
            [environment / "bin" / "mergehouse", *arguments], cwd=tmp_path, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    mergehouse("init", "shop")
    mergehouse("demo", "shop", "--lines", "2k")
    mergehouse("run", "-C", "shop")
    truth = json.loads((tmp_path / "shop" / "truth.json").read_text())
    found = json.loads(mergehouse("kpi", "-C", "shop", "--json"))
    assert mergehouse("query", "-C", "shop", "SELECT 7 AS n", "--format", "csv") == "n\n7\n"
    assert len(truth["brands"]) == 2
    for brand, of in truth["brands"].items():
        for kpi, value in of["kpis"].items():
            assert Decimal(found[brand][kpi]) == Decimal(value), (brand, kpi)
    assert (tmp_path / "shop" / "lakehouse" / "report.html").exists()


def test_the_wheel_holds_the_package_and_all_that_it_reads(built: Path) -> None:
    (wheel,) = built.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
        (licence,) = [name for name in archive.namelist() if name.endswith("licenses/LICENSE")]
        assert b"Apache License" in archive.read(licence)
    package = ROOT / "src" / "mergehouse"
    files = [file for file in package.rglob("*") if file.is_file() and "__pycache__" not in file.parts]
    assert names == {f"mergehouse/{file.relative_to(package).as_posix()}" for file in files}


def test_the_source_distribution_holds_what_version_control_does(built: Path) -> None:
    (source,) = built.glob("*.tar.gz")
    with tarfile.open(source) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    kept = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    if kept.returncode:
        pytest.skip("not a checkout of git: what belongs to the project is not known")
    bundle = {name for name in names if name.startswith("src/mergehouse/app/static/")}
    assert len(bundle) == 5, "scripts and styles of the web suite: no Node is needed to install it"
    assert names - bundle - {"PKG-INFO"} == set(kept.stdout.splitlines())
