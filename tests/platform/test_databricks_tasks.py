"""The scripts and notebooks of a bundle, run as Databricks runs them: what ends well, and what ends with a
word.
"""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path
from types import SimpleNamespace

import pytest
from tests.conftest import Shop
from tests.platform.databricks_suite import files, template  # noqa: F401 - fixtures

from mergehouse.platform.databricks import tasks
from mergehouse.platform.databricks.notebooks import notebooks
from mergehouse.release.export.export import release
from mergehouse.release.verify import verify


def ran(script: str, folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    file = folder / "script.py"
    file.write_text(script)
    surroundings = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.run(
        [sys.executable, str(file), *words], capture_output=True, text=True, env=surroundings
    )


def test_a_command_ends_without_a_word(sold: Shop, tmp_path: Path) -> None:
    """`SystemExit` is a failure to Databricks, even with 0, so the script's last line must be reached."""
    done = ran(tasks.COMMAND + '\nprint("reached")\n', tmp_path, "release", str(sold.folder))
    assert done.returncode == 0 and done.stdout.endswith("reached\n")
    assert verify(f"{sold.folder}/lakehouse/release").passed


def test_what_a_contract_refuses_fails_the_task_and_is_named(sold: Shop, tmp_path: Path) -> None:
    sold.deliver_lines("A9,1,2026-03-09 10:00:00,P1,Mug,two,5.00,77,Germany,EUR", name="lines2.csv")
    config = sold.brand / "brand.yml"
    config.write_text(config.read_text().replace("{stop: 100 %}", "{warn: 0 %, stop: 0 %}"))
    done = ran(tasks.COMMAND, tmp_path, "run", str(sold.folder))
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert "`mergehouse run` ended with 1; what it found is above." in done.stderr


@pytest.mark.parametrize("environment", [[], ["prd"]])
def test_a_project_that_cannot_be_read_is_one_message(
    shop: Shop, tmp_path: Path, environment: list[str]
) -> None:
    project = shop.folder if environment else tmp_path / "elsewhere"
    done = ran(tasks.COMMAND, tmp_path, "check", str(project), *environment)
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert ("did you mean `prod`?" if environment else "mergehouse init") in done.stderr


def test_the_scripts_and_notebooks_are_python(files: dict[str, str]) -> None:  # noqa: F811
    for name, text in files.items():
        if name.endswith(".py"):
            ast.parse(text)
    for name in ("free_edition", "export_release"):
        text = files[f"notebooks/{name}.py"]
        assert text.startswith("# Databricks notebook source\n") and text.count("# COMMAND ----------") > 3
        assert "{" not in re.findall(r"dbutils\.widgets\.text\(.*\)", text)[0]


def test_what_the_notebook_for_free_edition_reads_is_in_the_bundle(files: dict[str, str]) -> None:  # noqa: F811
    text = files["notebooks/free_edition.py"]
    read = re.findall(r'"(\d_\w+)"', text)
    assert read and all(f"sql/dev/{name}.sql" in files for name in read)


class Widgets:
    """`dbutils.widgets`, with the values that somebody has typed in."""

    def __init__(self, typed: dict[str, str]):
        self.values = dict(typed)

    def text(self, name: str, default: str) -> None:
        self.values.setdefault(name, default)

    def get(self, name: str) -> str:
        return self.values[name]


def test_a_release_is_packed_whole_and_alone(
    sold: Shop, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = release(sold.project)
    sold.deliver_lines("A9,1,2026-03-09 10:00:00,P1,Mug,2,5.00,77,Germany,EUR", name="lines2.csv")
    assert not sold.run().failed
    newer = release(sold.project)
    text = notebooks("dev", None, "retail_dev", "mergehouse")["export_release.py"]
    code = text.replace('Path("/tmp/mergehouse")', f"Path({str(tmp_path / 'scratch')!r})")
    widgets = Widgets({"project": str(sold.folder)})
    library = SimpleNamespace(restartPython=lambda: None)
    exec(
        compile(code, "export_release", "exec"),
        {"dbutils": SimpleNamespace(widgets=widgets, library=library)},
    )
    packed = sold.folder / f"release-{newer.manifest.version}.zip"
    assert capsys.readouterr().out.endswith(f"{packed}\nmanifest {newer.manifest_sha256}\n")
    with zipfile.ZipFile(packed) as archive:
        archive.extractall(tmp_path / "received")
    received = verify(str(tmp_path / "received"), expected=newer.manifest_sha256)
    assert received.passed and received.version == newer.manifest.version != made.manifest.version
    assert len(list((tmp_path / "received" / "gold" / "_releases").glob("v*"))) == 1
