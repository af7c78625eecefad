"""The scripts and notebooks of a bundle, run as Databricks runs them: what ends well, and what ends with a
word.
"""

from __future__ import annotations

import ast
import re
import zipfile
from pathlib import Path
from types import SimpleNamespace

import pytest
from tests.conftest import Shop
from tests.platform.databricks_session import Spark
from tests.platform.databricks_suite import files, template  # noqa: F401 - fixtures

from mergehouse.platform.databricks import tasks
from mergehouse.platform.databricks.notebooks import notebooks
from mergehouse.release.export.export import release
from mergehouse.release.verify import verify

pytestmark = pytest.mark.slow("tasks run as programs")


def ran(monkeypatch: pytest.MonkeyPatch, *words: str) -> str:
    """What the script ends with: nothing, where its last line is reached. `SystemExit` is a failure to
    Databricks, even with 0.
    """
    monkeypatch.setattr("sys.argv", ["command.py", *words])
    try:
        exec(compile(tasks.COMMAND, "command.py", "exec"), {})
    except SystemExit as end:
        assert isinstance(end.code, str)
        return end.code
    return ""


def test_a_command_ends_without_a_word(sold: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    assert ran(monkeypatch, "release", str(sold.folder)) == ""
    assert verify(f"{sold.folder}/lakehouse/release").passed


def test_what_a_contract_refuses_fails_the_task_and_is_named(
    sold: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    sold.deliver_lines("A9,1,2026-03-09 10:00:00,P1,Mug,two,5.00,77,Germany,EUR", name="lines2.csv")
    config = sold.brand / "brand.yml"
    config.write_text(config.read_text().replace("{stop: 100 %}", "{warn: 0 %, stop: 0 %}"))
    said = ran(monkeypatch, "run", str(sold.folder))
    assert said == "`mergehouse run` ended with 1; what it found is above."


def test_a_project_that_cannot_be_read_is_one_message(
    shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "make one with `mergehouse init" in ran(monkeypatch, "check", str(tmp_path / "elsewhere"))
    assert "did you mean `prod`?" in ran(monkeypatch, "check", str(shop.folder), "prd")


def test_the_scripts_and_notebooks_are_python(files: dict[str, str]) -> None:
    for name, text in files.items():
        if name.endswith(".py"):
            ast.parse(text)
    for name in ("free_edition", "export_release"):
        text = files[f"notebooks/{name}.py"]
        assert text.startswith("# Databricks notebook source\n") and text.count("# COMMAND ----------") > 3
        assert "{" not in re.findall(r"dbutils\.widgets\.text\(.*\)", text)[0]


def test_what_the_notebook_for_free_edition_reads_is_in_the_bundle(files: dict[str, str]) -> None:
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


def run_notebook(text: str, typed: dict[str, str], **given: object) -> None:
    library = SimpleNamespace(restartPython=lambda: None)
    dbutils = SimpleNamespace(widgets=Widgets(typed), library=library)
    exec(compile(text, "notebook", "exec"), {"dbutils": dbutils, **given})


def test_free_editions_notebook_runs_from_exports_to_figures(
    shop: Shop,
    files: dict[str, str],
    tmp_path: Path,
) -> None:
    shop.deliver_lines("A1,1,2026-03-01 10:00:00,P1,Mug,2,5.00,77,Germany,EUR")
    for name, text in files.items():
        if name.startswith("sql/dev/"):
            (tmp_path / Path(name).name).write_text(text)
    spark, shown = Spark(), []
    typed = {"project": str(shop.folder), "sql": str(tmp_path), "catalog": "retail_dev"}
    run_notebook(files["notebooks/free_edition.py"], typed, spark=spark, display=shown.append)
    made = [text.split(" ")[0:2] for text in spark.said]
    assert ["CREATE", "TABLE"] in made and ["INSERT", "OVERWRITE"] in made and ["COMMENT", "ON"] in made
    assert not any("FILTER" in text or text.startswith("GRANT") for text in spark.said)
    assert len(shown) == 1 and "FROM `retail_dev`.gold.sales_daily_kpis" in spark.said[-1]


def test_a_release_is_packed_whole_and_alone(
    sold: Shop, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = release(sold.project)
    sold.deliver_lines("A9,1,2026-03-09 10:00:00,P1,Mug,2,5.00,77,Germany,EUR", name="lines2.csv")
    assert not sold.run().failed
    newer = release(sold.project)
    text = notebooks("dev", None, "retail_dev", "mergehouse")["export_release.py"]
    code = text.replace('Path("/tmp/mergehouse")', f"Path({str(tmp_path / 'scratch')!r})")
    run_notebook(code, {"project": str(sold.folder)})
    packed = sold.folder / f"release-{newer.manifest.version}.zip"
    assert capsys.readouterr().out.endswith(f"{packed}\nmanifest {newer.manifest_sha256}\n")
    with zipfile.ZipFile(packed) as archive:
        archive.extractall(tmp_path / "received")
    received = verify(str(tmp_path / "received"), expected=newer.manifest_sha256)
    assert received.passed and received.version == newer.manifest.version != made.manifest.version
    assert len(list((tmp_path / "received" / "gold" / "_releases").glob("v*"))) == 1
