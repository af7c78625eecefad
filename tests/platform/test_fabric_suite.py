"""The whole suite of a project, deployed: what arrives is read by Microsoft's own parsers."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.platform.fabric_published import needed
from tests.platform.fabric_stub import TOKEN, WORKSPACE, Fabric, serving
from tests.platform.vendors import asked
from typer.testing import CliRunner

from mergehouse.cli.commands import app
from mergehouse.platform.fabric.deploy import deploy
from mergehouse.platform.fabric.hand_edits import differences
from mergehouse.platform.fabric.items import project_items
from mergehouse.platform.generated_folder import write_generated
from mergehouse.project.config import load_project

fabric_cicd = pytest.importorskip("fabric_cicd", reason="the extra `fabric` is not installed")
PLACE = "definition/"


@pytest.fixture
def deployed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Fabric, dict[str, str]]:
    """What a workspace has of a demonstration project, and what was written for it."""
    assert CliRunner().invoke(app, ["init", str(tmp_path / "shop")]).exit_code == 0
    texts = project_items(load_project(tmp_path / "shop")).texts
    write_generated(tmp_path / "items", texts)
    monkeypatch.setenv("FABRIC_CICD_RETRY_DELAY_OVERRIDE_SECONDS", "0")
    fabric = Fabric()
    with serving(fabric) as url:
        for name in ("DEFAULT_API_ROOT_URL", "FABRIC_API_ROOT_URL"):
            monkeypatch.setattr(fabric_cicd.constants, name, url)
        done = deploy(tmp_path / "items", WORKSPACE, "prod", token=lambda: TOKEN)
    assert not done.failed and fabric.faults == []
    return fabric, texts


def model(parts: dict[str, str]) -> dict[str, str]:
    return {path.removeprefix(PLACE): text for path, text in parts.items() if path.startswith(PLACE)}


@needed
@pytest.mark.long("asks the vendors' own parsers")
def test_what_arrives_is_read_and_written_anew_by_microsoft_and_is_no_edit(
    deployed: tuple[Fabric, dict[str, str]],
) -> None:
    fabric, texts = deployed
    arrived = fabric.item("SemanticModel").parts
    [told] = asked("tom", "read_tmdl.py", [model(arrived)])
    assert told["errors"] == []
    assert "00000000-0000-0000-0000-000000000000" not in told["files"]["expressions.tmdl"]
    ours = {path.partition("/")[2]: text for path, text in texts.items() if ".SemanticModel/" in path}
    as_the_service_has_it = {PLACE + path: text for path, text in told["files"].items()}
    only_tmdl = {path: text for path, text in ours.items() if path.endswith(".tmdl")}
    assert list(differences(as_the_service_has_it, only_tmdl)) == []
    sales = f"{PLACE}tables/Sales.tmdl"
    edited = as_the_service_has_it | {sales: as_the_service_has_it[sales].replace("SUM (", "MAX (", 1)}
    [found] = differences(edited, only_tmdl)
    assert found.startswith("table Sales / measure ") and ": another expression" in found
