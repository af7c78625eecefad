"""Deployment with Microsoft's fabric-cicd as it is installed, against Fabric as it was recorded."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.platform.fabric_published import described, needed, recorded
from tests.platform.fabric_stub import TOKEN, WORKSPACE, Fabric, Stored, serving
from tests.platform.fabric_suite import items, suite
from typer.testing import CliRunner

from mergehouse.cli.commands import app
from mergehouse.errors import ConfigError
from mergehouse.platform.fabric.api import FabricError
from mergehouse.platform.fabric.checks import ItemsFaulty
from mergehouse.platform.fabric.deploy import EditedByHand, WorkspaceDeployment, deploy
from mergehouse.platform.generated_folder import write_generated

fabric_cicd = pytest.importorskip("fabric_cicd", reason="the extra `fabric` is not installed")

ORDER = ["VariableLibrary", "Lakehouse", "Environment", "Notebook", "SemanticModel", "Report", "DataPipeline"]
ROLE = "definition/roles/Brand manager.tmdl"
SALES = "definition/tables/Sales.tmdl"
Deploy = Callable[..., WorkspaceDeployment]


@pytest.fixture
def fabric(monkeypatch: pytest.MonkeyPatch) -> Iterator[Fabric]:
    monkeypatch.setenv("FABRIC_CICD_RETRY_DELAY_OVERRIDE_SECONDS", "0")
    monkeypatch.setenv("FABRIC_TOKEN", TOKEN)
    found = Fabric()
    with serving(found) as url:
        for name in ("DEFAULT_API_ROOT_URL", "FABRIC_API_ROOT_URL"):
            monkeypatch.setattr(fabric_cicd.constants, name, url)
        yield found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_generated(tmp_path / "fabric", items())
    return tmp_path / "fabric"


@pytest.fixture
def deployed(fabric: Fabric, folder: Path) -> Deploy:
    def run(named: str = "Retail test", to: str = "test", **options: bool) -> WorkspaceDeployment:
        return deploy(folder, named, to, **options)

    return run


def by_status(done: WorkspaceDeployment) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for item in done.items:
        found.setdefault(item.status or item.action, []).append(item.kind)
    return found


def writes(fabric: Fabric) -> list[str]:
    """Requests that change something; reading a definition is a POST, too."""
    return [a for a in fabric.asked if not a.startswith("GET") and not a.endswith("getDefinition")]


def edit(stored: Stored, path: str, old: str, new: str) -> None:
    assert old in stored.parts[path]
    stored.parts[path] = stored.parts[path].replace(old, new)


def test_the_first_publication_brings_every_item_in_its_order(fabric: Fabric, deployed: Deploy) -> None:
    done = deployed()
    assert by_status(done) == {"published": ORDER} and not done.failed and done.notes == []
    assert [item.action for item in done.items] == ["create"] * 7
    assert fabric.faults == [] and [item.kind for item in fabric.items.values()] == ORDER


def test_items_name_each_other_by_the_ids_of_the_workspace(fabric: Fabric, deployed: Deploy) -> None:
    deployed()
    ids = {item.kind: item.id for item in fabric.items.values()}
    activity = json.loads(fabric.item("DataPipeline").parts["pipeline-content.json"])["properties"][
        "activities"
    ][0]
    assert activity["typeProperties"]["notebookId"] == ids["Notebook"]
    assert activity["typeProperties"]["workspaceId"] == WORKSPACE
    code = fabric.item("Notebook").parts["notebook-content.py"]
    assert f'"default_lakehouse": "{ids["Lakehouse"]}"' in code
    assert f'"default_lakehouse_workspace_id": "{WORKSPACE}"' in code
    assert f'"environmentId": "{ids["Environment"]}"' in code
    source = fabric.item("SemanticModel").parts["definition/expressions.tmdl"]
    assert f"onelake.dfs.fabric.microsoft.com/{WORKSPACE}/{ids['Lakehouse']}" in source
    assert ids["SemanticModel"] in fabric.item("Report").parts["definition.pbir"]


@pytest.mark.parametrize(("environment", "runs"), [("dev", False), ("test", False), ("prod", True)])
def test_each_environment_has_its_values(
    fabric: Fabric, deployed: Deploy, environment: str, runs: bool
) -> None:
    deployed(to=environment)
    assert fabric.item("VariableLibrary").active == environment
    [schedule] = json.loads(fabric.item("DataPipeline").parts[".schedules"])["schedules"]
    assert schedule["enabled"] is runs


def test_a_workspace_may_be_given_by_its_id(fabric: Fabric, deployed: Deploy) -> None:
    assert deployed(named=WORKSPACE).workspace == "Retail test"


def test_a_second_deployment_updates_and_roles_keep_their_members(
    fabric: Fabric, deployed: Deploy, folder: Path
) -> None:
    deployed()
    ids, model = set(fabric.items), fabric.item("SemanticModel")
    [role] = model.members
    model.members[role].append("ada@example.com")
    file = folder / "Retail.SemanticModel" / SALES
    file.write_text(file.read_text().replace("SUM ( Sales[gmv_eur] )", "SUMX ( Sales, Sales[gmv_eur] )"))
    done = deployed()
    assert by_status(done) == {"published": ORDER} and {item.action for item in done.items} == {"update"}
    assert set(fabric.items) == ids and model.members == {role: ["ada@example.com"]} and fabric.faults == []
    assert "SUMX" in model.parts[SALES]


def test_what_failed_is_said_in_the_servers_words_and_a_second_run_heals(
    fabric: Fabric, deployed: Deploy
) -> None:
    fabric.fail["SemanticModel"] = {
        "errorCode": "Dataset_Import_FailedToImportDataset", "message": "Dataset Workload failed to import",
        "moreDetails": [{"errorCode": "E2", "message": "Expression in measure 'GMV' is invalid"}],
    }  # fmt: skip
    done = deployed()
    assert by_status(done) == {
        "published": ORDER[:4], "failed": ["SemanticModel"], "not reached": ["Report", "DataPipeline"],
    } and done.failed  # fmt: skip
    [failed] = [item for item in done.items if item.status == "failed"]
    assert failed.message == (
        "Dataset_Import_FailedToImportDataset: Dataset Workload failed to import;"
        " Expression in measure 'GMV' is invalid"
    )
    fabric.fail.clear()
    healed = deployed()
    assert by_status(healed) == {"published": ORDER} and not healed.failed
    assert [item.action for item in healed.items] == ["update"] * 4 + ["create"] * 3


def test_what_is_refused_at_once_is_said_too(fabric: Fabric, deployed: Deploy) -> None:
    fabric.refuse["Notebook"] = (403, {
        "requestId": WORKSPACE, "errorCode": "InsufficientPrivileges", "isRetriable": False,
        "message": "The caller does not have sufficient permissions",
        "moreDetails": [{"errorCode": "E", "message": "Needs Contributor"}],
    })  # fmt: skip
    [failed] = [item for item in deployed().items if item.status == "failed"]
    assert failed.message == "POST: The caller does not have sufficient permissions; Needs Contributor"


def test_a_dry_run_says_what_would_be_done_and_does_nothing(fabric: Fabric, deployed: Deploy) -> None:
    first = deployed(dry_run=True)
    assert by_status(first) == {"create": ORDER} and writes(fabric) == []
    deployed()
    before = len(writes(fabric))
    assert by_status(deployed(dry_run=True)) == {"update": ORDER} and len(writes(fabric)) == before


def _orphans(fabric: Fabric) -> None:
    for number, (kind, name, description) in enumerate(
        [
            ("Report", "Old", "Written by mergehouse: the suite that people look at."),
            ("Lakehouse", "old", "Written by mergehouse: tables."),
            ("Report", "Mine", "My own"),
            ("Dashboard", "Board", "Written by mergehouse: no such thing."),
        ]
    ):
        identity = f"{number}" * 8 + "-0000-4000-8000-000000000000"
        fabric.items[identity] = Stored(identity, kind, name, description, {})


def test_orphans_go_only_when_asked_and_only_those_that_mergehouse_wrote(
    fabric: Fabric, deployed: Deploy
) -> None:
    deployed()
    _orphans(fabric)
    left = {item.name: item.message for item in deployed().items if item.action == "leave"}
    assert left == {
        "Old": "it is no longer among the items; --remove-orphans removes it",
        "old": "it holds data; remove it in Fabric", "Mine": "mergehouse did not write it",
    }  # fmt: skip
    planned = deployed(dry_run=True, remove_orphans=True)
    assert [item.name for item in planned.items if item.action == "remove"] == ["Old"]
    done = deployed(remove_orphans=True)
    assert [item.name for item in done.items if item.status == "removed"] == ["Old"] and not done.failed
    assert {item.name for item in fabric.items.values()} >= {"old", "Mine", "Board"}
    assert "Old" not in {item.name for item in fabric.items.values()} and fabric.faults == []


def test_an_orphan_that_cannot_be_removed_is_said(fabric: Fabric, deployed: Deploy) -> None:
    deployed()
    _orphans(fabric)
    fabric.keep.add("Old")
    done = deployed(remove_orphans=True)
    [failed] = [item for item in done.items if item.status == "failed"]
    assert (failed.name, failed.message) == ("Old", "DELETE: The item is in use") and done.failed


def test_nothing_is_removed_where_something_failed(fabric: Fabric, deployed: Deploy) -> None:
    deployed()
    _orphans(fabric)
    fabric.fail["Report"] = {"errorCode": "E", "message": "no", "moreDetails": []}
    done = deployed(remove_orphans=True)
    assert by_status(done)["not reached"] == ["DataPipeline", "Report"] and not any(
        "DELETE" in a for a in fabric.asked
    )


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("SUM ( Sales[gmv_eur] )", "MAX ( Sales[gmv_eur] )", 
         "table Sales / measure GMV: another expression"
         " (there `MAX ( Sales[gmv_eur] )`, here `SUM ( Sales[gmv_eur] )`)"),
        ("formatString: #,0.00", "formatString: 0", 
         "table Sales / measure GMV: another formatString (there `0`, here `#,0.00`)"),
        ("\tcolumn gmv_eur\n", "\tcolumn gmv_eur\n\t\tisHidden\n",
         "table Sales / column gmv_eur: isHidden only in the workspace"),
        ("\t\tformatString: #,0.00\n", "", "table Sales / measure GMV: formatString only here"),
        ("\tpartition Sales", "\tmeasure Mine = 1\n\n\tpartition Sales",
         "table Sales / measure Mine: only in the workspace"),
    ],
)  # fmt: skip
def test_a_model_that_somebody_edited_is_refused(
    fabric: Fabric, deployed: Deploy, old: str, new: str, said: str
) -> None:
    deployed()
    model = fabric.item("SemanticModel")
    sent = model.parts[SALES]
    edit(model, SALES, old, new)
    before, asked = dict(model.parts), len(writes(fabric))
    with pytest.raises(EditedByHand, match="Retail test: edited in the workspace") as caught:
        deployed()
    assert f"SemanticModel Retail: {said}" in str(caught.value) and "--overwrite" in str(caught.value)
    assert model.parts == before and len(writes(fabric)) == asked
    looked = deployed(dry_run=True)
    assert looked.refused and looked.failed
    assert [item.edited for item in looked.items if item.edited] == [[said]]
    assert not deployed(overwrite=True).failed and model.parts[SALES] == sent
    assert not deployed().failed, "what was deployed last is the overwriting"


def test_roles_that_somebody_added_and_reports_that_somebody_edited_are_found(
    fabric: Fabric, deployed: Deploy
) -> None:
    deployed()
    fabric.item("SemanticModel").parts["definition/roles/Mine.tmdl"] = "role Mine\n\tmodelPermission: read\n"
    edit(fabric.item("Report"), "definition/pages/one/page.json", '"One"', '"Two"')
    edit(fabric.item("DataPipeline"), "pipeline-content.json", '"retry": 1', '"retry": 9')
    with pytest.raises(EditedByHand) as caught:
        deployed()
    said = str(caught.value)
    assert "SemanticModel Retail: role Mine: only in the workspace" in said
    assert (
        "Report Retail: definition/pages/one/page.json: another displayName (there `Two`, here `One`)" in said
    )
    assert "another properties.activities[0].policy.retry (there `9`, here `1`)" in said
    assert said.count("only ") + said.count("another") == 3, "and nothing that a deployment replaces"


def test_a_schedule_that_somebody_switched_is_found(fabric: Fabric, deployed: Deploy) -> None:
    deployed(to="prod")
    assert not deployed(to="prod").failed
    edit(fabric.item("DataPipeline"), ".schedules", '"enabled": true', '"enabled": false')
    with pytest.raises(
        EditedByHand,
        match="Ingest latest release: .schedules: another schedules.0..enabled .there `False`, here `True`",
    ):
        deployed(to="prod")


def test_an_edit_that_the_items_have_too_is_none(fabric: Fabric, deployed: Deploy, folder: Path) -> None:
    deployed()
    edit(fabric.item("SemanticModel"), SALES, "#,0.00", "#,0")
    file = folder / "Retail.SemanticModel" / SALES
    file.write_text(file.read_text().replace("#,0.00", "#,0"))
    assert not deployed().failed


def test_an_item_of_somebody_else_is_not_written_over(fabric: Fabric, deployed: Deploy) -> None:
    deployed()
    fabric.item("Report").description = "My own"
    with pytest.raises(EditedByHand, match="Report Retail: mergehouse has not deployed it"):
        deployed()
    assert not deployed(overwrite=True).failed


def test_a_deployment_that_was_cut_off_before_its_end_is_run_again(
    fabric: Fabric, deployed: Deploy, folder: Path
) -> None:
    deployed()
    for (
        item
    ) in fabric.items.values():  # as updateDefinition leaves it: what was read back is not yet written down
        item.description = re.sub(r" \[as deployed: .*", "", item.description)
    file = folder / "Retail.SemanticModel" / SALES
    file.write_text(file.read_text().replace("#,0.00", "#,0"))
    assert not deployed().failed
    assert all("[as deployed: " in fabric.item(kind).description for kind in ("SemanticModel", "Report"))


def test_what_cannot_be_deployed_is_said_before_anything_is(
    fabric: Fabric, deployed: Deploy, folder: Path, tmp_path: Path
) -> None:
    with pytest.raises(
        ConfigError, match="--env: .*parameter.yml has no environment `tets`; did you mean `test`"
    ):
        deployed(to="tets")
    with pytest.raises(
        ConfigError, match="--workspace: there is no `Retail tst`; did you mean `Retail test`"
    ):
        deployed(named="Retail tst")
    with pytest.raises(FabricError, match="HTTP 404, WorkspaceNotFound.* Correct --workspace"):
        deployed(named=WORKSPACE.replace("2", "9"))
    with pytest.raises(ConfigError, match="no such folder. `mergehouse platform fabric"):
        deploy(tmp_path / "nothing", WORKSPACE, "test")
    fabric.workspaces[WORKSPACE]["capacityId"] = ""
    with pytest.raises(FabricError, match="Retail test has no capacity"):
        deployed()
    (folder / ".mergehouse-unfinished").mkdir()
    with pytest.raises(ConfigError, match="was cut off while it was written. Write it again"):
        deployed()
    (folder / ".mergehouse-unfinished").rmdir()
    (folder / "Retail.SemanticModel/definition/model.tmdl").unlink()
    with pytest.raises(ItemsFaulty, match="definition/model.tmdl is missing"):
        deployed()
    assert writes(fabric) == []


def test_a_lakehouse_that_was_made_without_schemas_is_said(fabric: Fabric, deployed: Deploy) -> None:
    deployed()
    fabric.item("Lakehouse").has_schemas = False
    before = len(writes(fabric))
    with pytest.raises(FabricError, match="merged_retail was made without schemas.* Rename it in Fabric"):
        deployed()
    assert len(writes(fabric)) == before


def test_a_workspace_is_found_on_a_later_page(fabric: Fabric, deployed: Deploy) -> None:
    other = "99999999-0000-4000-8000-000000000000"
    fabric.workspaces = {other: {"displayName": "Other", "capacityId": other}, **fabric.workspaces}
    assert deployed(dry_run=True).workspace_id == WORKSPACE


def test_items_on_later_pages_are_updated_and_removed_as_those_on_the_first(
    fabric: Fabric, deployed: Deploy
) -> None:
    deployed()
    _orphans(fabric)
    fabric.on_a_page = 2
    done = by_status(deployed(remove_orphans=True))
    assert done["published"] == ORDER and len(done["removed"]) == 1
    assert fabric.faults == []


def test_a_token_that_has_ended_is_one_message(
    fabric: Fabric, deployed: Deploy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FABRIC_TOKEN", "ended")
    with pytest.raises(
        FabricError, match="HTTP 401, Unauthorized: No token.* Set a token that is still valid"
    ) as caught:
        deployed()
    assert "ended" not in str(caught.value).replace("has ended", "")


def test_a_token_that_ends_half_way_is_not_tried_without_end(fabric: Fabric, deployed: Deploy) -> None:
    fabric.ends_before = "SemanticModel"
    done = deployed()
    assert by_status(done)["failed"] == ["SemanticModel"]
    [failed] = [item for item in done.items if item.status == "failed"]
    assert "The token in FABRIC_TOKEN has ended" in failed.message.replace("the token", "The token")


@needed
def test_the_stub_answers_as_fabric_was_recorded_and_described_to(fabric: Fabric, deployed: Deploy) -> None:
    deployed()
    _orphans(fabric)
    deployed(remove_orphans=True)
    known, told = recorded(), described()
    result = ("GET", "/v1/operations/{id}/result")  # of reading a definition, which the trace has not
    definition = told["POST", "/v1/workspaces/{id}/items/{id}/getdefinition"][200]
    for method, path, status, named in set(fabric.exchanged):
        if (method, path) == result and named == definition:
            continue
        if (method, path) in known:
            answers = known[method, path]
            assert status in answers and named in answers[status], (method, path, status, sorted(named))
        else:
            answer = told[method, path]
            assert status in answer and named <= (answer[status] or set()), (
                method,
                path,
                status,
                sorted(named),
            )
    held = {(method, path) for method, path, _, _ in fabric.exchanged}
    assert len(held & known.keys()) >= 7 and len(held - known.keys()) <= 6


def test_the_command_says_what_it_does_and_how_it_ended(fabric: Fabric, folder: Path) -> None:
    def run(*options: str) -> tuple[int, str]:
        arguments = ["platform", "deploy", str(folder), "--workspace", "Retail test", "--env", "prod"]
        done = CliRunner().invoke(app, [*arguments, *options])
        return done.exit_code, done.stdout

    code, said = run("--dry-run")
    assert code == 0 and said.count("create") == 7 and "nothing was published" in said
    code, said = run("--json")
    told = json.loads(said)
    assert code == 0 and told["workspace"] == "Retail test" and told["environment"] == "prod"
    assert {item["status"] for item in told["items"]} == {"published"} and TOKEN not in said
    fabric.fail["Report"] = {"errorCode": "E", "message": "no", "moreDetails": []}
    code, said = run()
    assert code == 1 and "failed      Report" in said and "not reached DataPipeline" in said


def test_without_the_extra_it_is_said_how_to_install_it(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "fabric_cicd", None)
    with pytest.raises(ConfigError, match=r"pip install 'mergehouse\[fabric\]'"):
        deploy(folder, WORKSPACE, "test", token=lambda: TOKEN)


def test_the_suite_is_that_of_the_project(fabric: Fabric, deployed: Deploy) -> None:
    deployed()
    own = {path.partition("/")[2] for path in suite() if path.startswith("Retail.SemanticModel/")}
    assert fabric.item("SemanticModel").parts.keys() == own
