"""Promotion: the same bytes through every gate, a target that is as it was where one refuses, and all of it
written down.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from deltalake import CommitProperties, DeltaTable
from deltalake.exceptions import CommitFailedError
from tests.command import call
from tests.conftest import Demo, broken_promises
from tests.pipeline.faults import file_of, flip, reseal
from tests.prepared import prepared

import mergehouse.release.promote.promotion
from mergehouse.contracts.contract import ColumnContract, Contract
from mergehouse.errors import ConfigError, LakehouseError, MergehouseError
from mergehouse.lakehouse.delta import Lakehouse
from mergehouse.lakehouse.lock import exclusive
from mergehouse.lakehouse.writing import append_rows
from mergehouse.platform.fabric.api import FabricError
from mergehouse.platform.fabric.deployment_pipeline import Deployment, Step
from mergehouse.project.config import load_project
from mergehouse.release.compare.compare import compare
from mergehouse.release.export.export import release
from mergehouse.release.load import ingest
from mergehouse.release.manifest.manifest import Manifest
from mergehouse.release.manifest.version import Version
from mergehouse.release.promote import gates
from mergehouse.release.promote.audit_trail import Promotion, promotions
from mergehouse.release.promote.promotion import promote, rollback
from mergehouse.release.store import Shelf, copy_release
from mergehouse.release.verify import verify

pytestmark = pytest.mark.slow("releases go through several environments")

LONG = pytest.mark.long("several promotions of the demonstration")

ENVIRONMENTS = """
environments:
  dev: {}
  test: {lakehouse: lakehouse-test}
  prod: {lakehouse: lakehouse-prod}
"""
PIPELINE = "11111111-0000-0000-0000-000000000000"
FABRIC = f"""
fabric:
  deployment_pipeline: {PIPELINE}
  stages: {{dev: Development, test: Test}}
"""
BROKEN = {"table": "gold.sales_daily", "check": "positive", "severity": "error", "failures": 3}
SCORED = {
    "table": "gold.customer_360", "source_system": "shop", "as_of_date": "2026-01-01", "method": "model",
    "model_name": "churn", "model_version": "3", "feature_version": "1", "rows": 1,
}  # fmt: skip
BY = {"approved_by": "Ada Lovelace", "note": "T-1, figures agreed"}


def two_releases(demo: Demo, folder: Path) -> None:
    """A project of three environments whose first has made releases 1.0.0 and 1.0.1, of which the first is
    current.
    """
    shutil.copytree(demo[0].folder, folder, ignore=shutil.ignore_patterns("raw", "bronze", "silver"))
    (folder / "mergehouse.yml").open("a").write(ENVIRONMENTS)
    project = load_project(folder, "dev")
    release(project)
    release(project, version="1.0.1")
    Shelf(f"{project.lakehouse_location}/release").point_at(Version(1, 0, 0))


@pytest.fixture
def project(demo: Demo, tmp_path: Path) -> Path:
    return prepared("two releases", lambda folder: two_releases(demo, folder), tmp_path / "project")


def promoted(demo: Demo, version: str, folder: Path) -> Path:
    """Such a project whose test has taken one of the releases."""

    def make(original: Path) -> None:
        prepared("two releases", lambda project: two_releases(demo, project), original)
        assert promote(original, "dev", "test", version=version, **BY).accepted

    return prepared(f"promoted {version}", make, folder)


@pytest.fixture
def taken(demo: Demo, tmp_path: Path) -> Path:
    return promoted(demo, "1.0.0", tmp_path / "project")


def place(project: Path, environment: str) -> Path:
    return project / ("lakehouse" if environment == "dev" else f"lakehouse-{environment}")


def trail(project: Path, environment: str) -> list[dict[str, Any]]:
    return promotions(Lakehouse(place(project, environment)))


def current(project: Path, environment: str) -> str:
    return str(Shelf(str(place(project, environment) / "release")).current())


def in_tables(project: Path, environment: str) -> set[str]:
    """The release that the tables say they hold."""
    return set(
        Lakehouse(place(project, environment) / "Tables/gold")
        .table("release_current")
        .polars()["release_version"]
    )


def bytes_of(project: Path, environment: str, version: str = "1.0.0") -> dict[str, str]:
    """Path and hash of every file of a release."""
    root = place(project, environment) / "release"
    files = [file for file in root.rglob("*") if file.is_file() and f"v{version}" in file.parts]
    return {
        file.relative_to(root).as_posix(): hashlib.sha256(file.read_bytes()).hexdigest() for file in files
    }


def refusal(attempt: Promotion) -> tuple[str, str]:
    assert attempt.refused_by is not None and not attempt.accepted
    return attempt.refused_by.name, attempt.refused_by.found


def test_the_same_bytes_go_from_dev_to_prod(project: Path, demo: Demo) -> None:
    first = promote(project, "dev", "test", **BY)
    second = promote(project, "test", "prod", "Grace Hopper", "T-2")
    assert first.accepted and second.accepted and first.manifest_sha256 == second.manifest_sha256
    assert bytes_of(project, "dev") == bytes_of(project, "test") == bytes_of(project, "prod")
    # tables, manifest, seal
    assert (
        len(bytes_of(project, "prod")) == len(list((project / "lakehouse/gold").glob("*/_delta_log"))) - 3 + 2
    )
    assert current(project, "prod") == "1.0.0" and in_tables(project, "prod") == {"1.0.0"}
    sales = Lakehouse(project / "lakehouse").table("gold.sales_daily").polars()
    assert (
        Lakehouse(place(project, "prod") / "Tables/gold").table("sales_daily").polars()["gmv_eur"].sum()
        == sales["gmv_eur"].sum()
    )
    report = json.loads((place(project, "prod") / "Files/release_reports/alignment-v1.0.0.json").read_text())
    assert report["aligned"] and min(t["sampled"] for t in report["tables"] if t["left_rows"] > 200) >= 100
    names = [
        "approval",
        "order",
        "chain",
        "verification",
        "quality",
        "row_level_security",
        "model_card",
        "copy",
        "ingestion",
        "alignment",
    ]
    assert [g.name for g in second.gates][:10] == names


@LONG
def test_from_the_raw_exports_to_a_third_lakehouse(project: Path, tmp_path: Path) -> None:
    carried, second = tmp_path / "usb", tmp_path / "second"
    shutil.copytree(project / "lakehouse/release", carried)
    assert verify(str(carried)).passed and not ingest(str(carried), str(second)).failed
    assert compare(str(project / "lakehouse"), str(second)).aligned
    assert (
        promote(project, "dev", "test", **BY).accepted
        and compare(str(second), str(place(project, "test"))).aligned
    )


def test_the_audit_trail_has_who_when_what_and_only_grows(taken: Path) -> None:
    started, accepted = trail(taken, "test")
    assert (started["outcome"], accepted["outcome"]) == ("started", "accepted")
    assert (accepted["source_environment"], accepted["target_environment"], accepted["release_version"]) == (
        "dev",
        "test",
        "1.0.0",
    )
    assert (accepted["approved_by"], accepted["note"], accepted["previous_version"]) == (
        BY["approved_by"],
        BY["note"],
        None,
    )
    assert accepted["approved_ts"] is not None and started["recorded_ts"] <= accepted["recorded_ts"]
    assert (
        accepted["manifest_sha256"]
        == Shelf(str(place(taken, "test") / "release")).manifest(Version(1, 0, 0))[1]
    )
    assert all(found["passed"] and found["found"] for found in json.loads(accepted["gates"]))
    assert broken_promises(Lakehouse(place(taken, "test")), "monitor.promotions") == []
    table = DeltaTable(place(taken, "test") / "monitor/promotions")
    for change in (lambda: table.delete(), lambda: table.update(updates={"approved_by": "'Mallory'"})):
        with pytest.raises(CommitFailedError, match="append-only"):
            change()


@pytest.mark.parametrize(
    "by", [{}, {"approved_by": "Ada"}, {"note": "T-1"}, {"approved_by": "  ", "note": "T-1"}]
)
def test_nothing_moves_without_somebody_who_answers_for_it(project: Path, by: dict[str, str]) -> None:
    attempt = promote(project, "dev", "test", **by)
    assert refusal(attempt)[0] == "approval" and "is missing" in refusal(attempt)[1]
    assert {p.name for p in place(project, "test").iterdir()} == {"monitor", ".lock"}
    (row,) = trail(project, "test")
    assert (row["outcome"], row["refused_by"], row["approved_ts"]) == ("refused", "approval", None)


def test_environments_are_taken_in_their_order(taken: Path) -> None:
    assert refusal(promote(taken, "dev", "prod", **BY)) == (
        "order",
        "prod takes releases from test, by the order of environments in mergehouse.yml: dev -> test -> prod.",
    )  # fmt: skip
    assert refusal(promote(taken, "test", "dev", **BY))[1].startswith(
        "dev is where releases are made and takes none"
    )
    assert [row["refused_by"] for row in trail(taken, "prod")] == ["order"] and not (
        place(taken, "prod") / "release"
    ).exists()


@LONG
def test_prod_takes_only_what_test_took(project: Path) -> None:
    dev, test = (Shelf(str(place(project, name) / "release")) for name in ("dev", "test"))
    copy_release(dev, Version(1, 0, 1), test)  # carried there by hand, past the gates
    assert refusal(promote(project, "test", "prod", **BY)) == (
        "chain",
        "test has taken no release yet: promote it there first.",
    )
    assert promote(project, "dev", "test", **BY).accepted
    gate, words = refusal(promote(project, "test", "prod", version="1.0.1", **BY))
    assert gate == "chain" and words.startswith("test has taken 1.0.0 with manifest")
    assert promote(project, "test", "prod", **BY).accepted


def forged(change: Callable[[dict[str, Any]], Any]) -> Callable[[Path], None]:
    return lambda project: reseal(project / "lakehouse/release", change)


CASES: dict[str, tuple[Callable[[Path], None], str, str]] = {
    "a bit flipped": (lambda p: flip(file_of(p / "lakehouse/release", "gold.sales_daily")), "verification",
        "its SHA-256 is"),
    "no seal": (lambda p: (p / "lakehouse/release/gold/_releases/v1.0.0/_SUCCESS").unlink(), "verification",
        "it is written last"),
    "checks failed": (
        forged(lambda m: m["quality"].update(verdict="failed", failed=[BROKEN])),
        "quality", "gold.sales_daily: positive (3 rows).",
    ),
    "never checked": (forged(lambda m: m["quality"].update(verdict="unknown", checks=0)), "quality",
        "no run has checked the tables"),
    "no card": (
        forged(lambda m: m["models"].append(SCORED)),
        "model_card", "no card in models/ for churn version 3.",
    ),
    "a tag taken off": (
        forged(lambda m: column(m, "gold.dim_customer", "gender").update(pii="pseudonym")),
        "row_level_security", "gold.dim_customer.gender is personal and is released as pseudonym.",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_what_a_gate_refuses_leaves_the_target_as_it_was(demo: Demo, tmp_path: Path, case: str) -> None:
    project = promoted(demo, "1.0.1", tmp_path / "project")
    before = {
        name: DeltaTable(place(project, "test") / "Tables/gold" / name).version()
        for name in ("sales_daily", "release_current")
    }
    inject, gate, words = CASES[case]
    inject(project)
    name, found = refusal(promote(project, "dev", "test", **BY))
    assert name == gate and words in found
    assert (
        current(project, "test") == "1.0.1"
        and in_tables(project, "test") == {"1.0.1"}
        and not bytes_of(project, "test")
    )
    assert before == {
        name: DeltaTable(place(project, "test") / "Tables/gold" / name).version() for name in before
    }
    assert trail(project, "test")[-1]["refused_by"] == gate


@pytest.fixture
def manifest(project: Path) -> dict[str, Any]:
    return Shelf(str(project / "lakehouse/release")).manifest(Version(1, 0, 0))[0].model_dump(mode="json")


def without(manifest: dict[str, Any], table: str) -> None:
    manifest["tables"] = [t for t in manifest["tables"] if t["name"] != table]


def column(manifest: dict[str, Any], table: str, name: str) -> dict[str, Any]:
    return next(
        c for t in manifest["tables"] if t["name"] == table for c in t["columns"] if c["name"] == name
    )


def drop_brand(manifest: dict[str, Any]) -> None:
    table = next(t for t in manifest["tables"] if t["name"] == "gold.sales_daily")
    table["columns"] = [c for c in table["columns"] if c["name"] != "source_system"]
    table |= {"key": ["order_date", "country_code"], "partition_by": [], "partitions": []}


def rename(manifest: dict[str, Any]) -> None:
    table = next(t for t in manifest["tables"] if t["name"] == "gold.dim_date")
    for file in table["files"]:
        file["path"] = file["path"].replace("dim_date", "dim_other")
    table["name"] = "gold.dim_other"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (drop_brand, "gold.sales_daily has no column source_system to filter by."),
        (lambda m: column(m, "gold.customer_brand_360", "source_system").update(nullable=True),
            "source_system may be empty (0 rows are)"),
        (lambda m: column(m, "gold.category_perf", "source_system").update(nulls=4),
            "source_system may be empty (4 rows are)"),
        (lambda m: without(m, "gold.customer_brand_360"),
            "gold.customer_360 is released without gold.customer_brand_360"),
        (lambda m: column(m, "gold.dim_customer", "age_range").update(pii="pseudonym"),
            "age_range is personal and is released as pseud"),
        (lambda m: column(m, "gold.customer_360", "customer_id").update(pii="none"),
            "customer_id is pseudonym and is released as none"),
        (lambda m: column(m, "gold.dim_date", "month_start").update(name="birthday"),
            "gold.dim_date.birthday is in no contract."),
        (rename, "gold.dim_other is in no contract."),
    ],
)  # fmt: skip
def test_rows_that_no_filter_could_keep_to_a_brand(
    manifest: dict[str, Any], change: Callable[[dict[str, Any]], Any], words: str
) -> None:
    sound = gates.row_level_security(Manifest.model_validate(manifest))
    assert sound.passed and sound.found.endswith(
        "personal and declared: gold.dim_customer.age_range, gold.dim_customer.gender."
    )
    change(manifest)
    found = gates.row_level_security(Manifest.model_validate(manifest | {"kpis": []}))
    assert not found.passed and words in found.found


@LONG
def test_model_cards_go_along_and_stay_with_their_release(project: Path) -> None:
    forged(lambda m: m["models"].append(SCORED))(project)
    cards = project / "lakehouse/models"
    cards.mkdir()
    (cards / "shop-churn.json").write_text(json.dumps({"name": "churn", "version": "2"}))
    (cards / "broken.json").write_text("{")
    assert refusal(promote(project, "dev", "test", **BY))[0] == "model_card", (
        "a card of another version is none"
    )
    (cards / "shop-churn.json").write_text(json.dumps({"name": "churn", "version": "3"}))
    (cards / "shop-churn.html").write_text("the card")
    assert promote(project, "dev", "test", **BY).accepted and promote(project, "test", "prod", **BY).accepted
    assert (place(project, "prod") / "models/v1.0.0/shop-churn.html").read_text() == "the card"
    assert not (place(project, "prod") / "models/v1.0.0/broken.json").exists()


@LONG
def test_rollback_to_the_release_before(project: Path) -> None:
    with pytest.raises(MergehouseError, match="it has taken none"):
        rollback(project, "test", **BY)
    promote(project, "dev", "test", **BY)
    with pytest.raises(MergehouseError, match=r"it has only taken 1\.0\.0"):
        rollback(project, "test", **BY)
    assert promote(project, "dev", "test", version="1.0.1", **BY).previous == "1.0.0"
    assert refusal(rollback(project, "test"))[0] == "approval" and current(project, "test") == "1.0.1"
    back = rollback(project, "test", **BY)
    assert back.accepted and (back.version, back.previous) == ("1.0.0", "1.0.1")
    assert current(project, "test") == "1.0.0" and in_tables(project, "test") == {"1.0.0"}
    assert [(r["action"], r["outcome"]) for r in trail(project, "test")[-3:]] == [
        ("rollback", "refused"), ("rollback", "started"), ("rollback", "accepted"),
    ]  # fmt: skip
    assert refusal(promote(project, "test", "prod", version="1.0.1", **BY))[0] == "chain", (
        "test has gone back from it"
    )
    assert promote(project, "test", "prod", **BY).accepted
    with pytest.raises(MergehouseError, match="no release to go back to"):
        rollback(project, "test", **BY)


def tamper(project: Path) -> None:
    """Changes a table of test so that it looks like the release's own work."""
    table = DeltaTable(place(project, "test") / "Tables/gold/sales_daily")
    own = {k: v for k, v in table.history(1)[0].items() if k.startswith("mergehouse.")}
    table.update(updates={"gmv_eur": "gmv_eur + 1"}, commit_properties=CommitProperties(custom_metadata=own))


def test_tables_that_are_not_the_releases_are_refused_and_the_one_before_returns(
    taken: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ingest = mergehouse.release.promote.promotion.ingest

    def and_tamper(*arguments: Any) -> Any:
        result = ingest(*arguments)
        if arguments[2] == "1.0.1":
            tamper(taken)
        return result

    monkeypatch.setattr(mergehouse.release.promote.promotion, "ingest", and_tamper)
    attempt = promote(taken, "dev", "test", version="1.0.1", **BY)
    name, words = refusal(attempt)
    assert name == "alignment" and "values of sales_daily.gmv_eur" in words
    assert attempt.gates[-1] == gates.Gate("return", True, "release 1.0.0 is current again.")
    assert current(taken, "test") == "1.0.0" and in_tables(taken, "test") == {"1.0.0"}
    sales = Lakehouse(taken / "lakehouse").table("gold.sales_daily").polars()["gmv_eur"].sum()
    assert (
        Lakehouse(place(taken, "test") / "Tables/gold").table("sales_daily").polars()["gmv_eur"].sum()
        == sales
    )
    assert (place(taken, "test") / "Files/release_reports/alignment-v1.0.1.html").exists()


def test_a_table_of_somebody_else_stops_ingestion_and_no_release_is_current(project: Path) -> None:
    other = Lakehouse(place(project, "test") / "Tables/gold")
    columns = {"a": ColumnContract(type="int", meaning="somebody's")}
    append_rows(
        other,
        Contract(table="sales_daily", grain="one a", meaning="Somebody's", key=["a"], columns=columns),
        [[1]],
    )
    attempt = promote(project, "dev", "test", **BY)
    assert (
        refusal(attempt)[0] == "ingestion"
        and "written by something other than a release" in refusal(attempt)[1]
    )
    assert current(project, "test") == "None" and "there was no release before" in attempt.gates[-1].found
    assert refusal(promote(project, "test", "prod", version="1.0.0", **BY))[0] == "chain"
    shutil.rmtree(place(project, "test") / "Tables/gold/sales_daily")
    assert promote(project, "dev", "test", **BY).accepted


@LONG
def test_one_that_was_killed_is_seen_and_can_be_run_again(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(mergehouse.release.promote.promotion, "ingest", killed)
        with pytest.raises(KeyboardInterrupt):
            promote(project, "dev", "test", **BY)
    assert [row["outcome"] for row in trail(project, "test")] == ["started"]
    assert refusal(promote(project, "test", "prod", **BY))[0] == "chain", "what was only begun was not taken"
    assert promote(project, "dev", "test", **BY).accepted and promote(project, "dev", "test", **BY).accepted
    assert [row["outcome"] for row in trail(project, "test")] == ["started"] + ["started", "accepted"] * 2


class Pipelines:
    """Stands in for Fabric's API, which has tests of its own."""

    def __init__(self, error: str = ""):
        self.asked: list[tuple[str, ...]] = []
        self.error = error

    def deploy(self, *arguments: str) -> Deployment:
        self.asked.append(arguments)
        if self.error:
            raise FabricError(self.error)
        return Deployment("22222222-0000-0000-0000-000000000000", (Step("Report", "Suite", "Succeeded"),) * 4)


@LONG
def test_fabrics_deployment_pipeline_follows_the_data(project: Path) -> None:
    (project / "mergehouse.yml").open("a").write(FABRIC)
    assert (
        promote(project, "dev", "test", **BY, fabric=lambda: None).gates[-1].found
        == "no credentials of Fabric are set: deploy the items by hand."
    )
    pipelines = Pipelines()
    done = promote(project, "dev", "test", **BY, fabric=lambda: pipelines)
    assert done.accepted and done.gates[-1].found.startswith("4 items by operation 2222")
    ((pipeline, source, target, note),) = pipelines.asked
    assert (pipeline, source, target) == (PIPELINE, "Development", "Test")
    assert note == f"Ada Lovelace: T-1, figures agreed (release 1.0.0, manifest {done.manifest_sha256[:12]})"
    assert (
        promote(project, "test", "prod", **BY, fabric=lambda: pipelines).accepted
        and len(pipelines.asked) == 1
    ), "prod has no stage"
    failed = promote(
        project,
        "dev",
        "test",
        version="1.0.1",
        **BY,
        fabric=lambda: Pipelines("Fabric: the deployment failed at Sales"),
    )
    assert refusal(failed) == ("deployment", "Fabric: the deployment failed at Sales")
    assert current(project, "test") == "1.0.0" and in_tables(project, "test") == {"1.0.0"}


def test_what_cannot_be_promoted_says_why(project: Path) -> None:
    with pytest.raises(MergehouseError, match="there is no release to promote; promote one into test first"):
        promote(project, "test", "prod", **BY)
    with pytest.raises(ConfigError, match="environments: `tset` is not declared; did you mean `test`"):
        promote(project, "dev", "tset", **BY)
    with pytest.raises(MergehouseError, match="same lakehouse"):
        promote(project, "dev", "dev", **BY)
    with (
        exclusive(Lakehouse(place(project, "test"))),
        pytest.raises(LakehouseError, match="another run is at work"),
    ):
        promote(project, "dev", "test", **BY)
    with (project / "mergehouse.yml").open("a") as config:
        config.write(FABRIC.replace("test: Test", "tset: Test"))
    with pytest.raises(ConfigError, match="fabric.stages: `tset` is not declared; did you mean `test`"):
        promote(project, "dev", "test", **BY)


def test_the_commands(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    refused = call("promote", "dev", "test", "--json", "-C", project, code=1)
    assert json.loads(refused.stdout)["refused_by"] == "approval"
    done = call("promote", "dev", "test", "--approved-by", "Ada [Lovelace]", "--note", "T-1", "-C", project)
    assert "test has taken release 1.0.0, it had none" in done.stdout
    listed = call("promotions", "--env", "test", "--json", "-C", project)
    assert [row["outcome"] for row in json.loads(listed.stdout)] == ["refused", "started", "accepted"]
    assert call("promotions", "--env", "test", "-C", project).stdout.count("Ada [Lovelace]") == 2
    assert "Nothing was promoted here yet" in call("promotions", "--env", "prod", "-C", project).stdout
    nothing = call(
        "promotions", "rollback", "test", "--approved-by", "Ada", "--note", "T-2", "-C", project, code=2
    )
    assert "it has only taken 1.0.0" in nothing.stderr
