"""The registry of models: which version is champion, who may become it, and where all are kept."""

from __future__ import annotations

import datetime as dt
import json
import shutil
import subprocess
import sys

import numpy as np
import pytest
from tests.conftest import Shop
from tests.pipeline.kept_models import DAY, LINE, ROWS, copy, keep, model, project, version  # noqa: F401 - fixtures

from mergehouse.cli.main import main
from mergehouse.errors import ConfigError, RegistryError
from mergehouse.lakehouse.delta import Lakehouse
from mergehouse.project.config import Project, load_project
from mergehouse.project.settings import MlflowConfig
from mergehouse.science.registry import mlflow_client as tracking
from mergehouse.science.registry.champion import compare
from mergehouse.science.registry.versions import (
    challenge,
    champion,
    load,
    promote,
    versions,
)

pytestmark = [pytest.mark.science, pytest.mark.slow("models are trained")]


def called(monkeypatch: pytest.MonkeyPatch, *words: object) -> object:
    monkeypatch.setattr("sys.argv", ["mergehouse", *map(str, words)])
    with pytest.raises(SystemExit) as stopped:
        main()
    return stopped.value.code or 0


def test_the_champion_is_the_model_that_was_registered(project: Project) -> None:
    found = champion(project, "shop", "churn")
    assert found and (found.name, found.version, found.aliases) == (
        "merged-retail-shop-churn",
        2,
        ("champion",),
    )
    assert (found.feature_version, found.as_of, found.why) == ("1", DAY, "beats version 1")
    assert found.by_cutoff == {dt.date(2025, 1, 1): 0.79, dt.date(2025, 2, 1): 0.81}
    assert np.array_equal(found.model.predict(ROWS)[90], model(2).predict(ROWS)[90])
    assert champion(project, "shop", "clv") is None and champion(project, "another", "churn") is None


def test_versions_newest_first_and_the_former_champion_is_challenger(project: Project) -> None:
    assert [(v.version, v.aliases, v.metrics["auc"]) for v in versions(project)] == [
        (2, ("champion",), 0.8),
        (1, ("challenger",), 0.7),
    ]
    assert versions(project, "another") == []
    assert (
        load(project, versions(project)[1]).model.of_active[90].intercept == model(1).of_active[90].intercept
    )


def test_a_lost_challenge_leaves_the_champion(copy: Project) -> None:
    third = keep(copy, version(0.6))
    challenge(copy, third, "does not beat version 2")
    assert [(v.version, v.aliases) for v in versions(copy)] == [
        (3, ("challenger",)),
        (2, ("champion",)),
        (1, ()),
    ]
    promote(copy, third, "after all")
    assert [(v.version, v.aliases) for v in versions(copy)] == [
        (3, ("champion",)),
        (2, ("challenger",)),
        (1, ()),
    ]


def test_a_copied_project_has_its_own_registry(project: Project, copy: Project) -> None:
    before = {f.name for f in project.folder.rglob("*")}
    keep(copy, version(0.9))
    assert [v.version for v in versions(copy)] == [3, 2, 1] and [v.version for v in versions(project)] == [
        2,
        1,
    ]
    assert {f.name for f in project.folder.rglob("*")} == before
    shutil.rmtree(copy.folder / "mlflow" / "artifacts")
    # and not that of the project it was copied from
    with pytest.raises(RegistryError, match="not there any more"):
        champion(copy, "shop", "churn")


def test_where_mlflow_is(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    assert tracking.tracking_uri(shop.project) == f"sqlite:///{shop.folder}/mlflow/mlflow.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:1")
    assert tracking.tracking_uri(shop.project) == "http://127.0.0.1:1"
    config = shop.folder / "mergehouse.yml"
    config.write_text(
        config.read_text()
        + "mlflow: {tracking_uri: 'http://127.0.0.1:2', experiment: churn}\nenvironments: {prod: {mlflow:"
        " {experiment: p}}}\n"
    )
    assert (
        tracking.tracking_uri(shop.project) == "http://127.0.0.1:2"
        and tracking.experiment_name(shop.project) == "churn"
    )
    assert tracking.experiment_name(load_project(shop.folder, "prod")) == "p"
    config.write_text(config.read_text().replace("http://", "http://someone:s3cret@"))
    with pytest.raises(ConfigError, match="MLFLOW_TRACKING_PASSWORD") as refused:
        load_project(shop.folder)
    assert "s3cret" not in str(refused.value)


def test_a_server_out_of_reach_is_one_message_without_the_password(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://someone:s3cret@127.0.0.1:9")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    assert called(monkeypatch, "models", "-C", shop.folder) == 2
    said = capsys.readouterr()
    assert (
        "MLflow at http://127.0.0.1:9: it cannot be reached" in said.err
        and "s3cret" not in said.err + said.out
    )


def test_a_spoilt_database_is_one_message(copy: Project) -> None:
    (copy.folder / "mlflow" / "mlflow.db").write_bytes(b"no database" * 500)
    with pytest.raises(RegistryError, match="file is not a database"):
        versions(copy)


def test_the_command_lists_and_promotes(
    copy: Project, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert called(monkeypatch, "models", "-C", copy.folder) == 0
    assert "merged-retail-shop-churn" in (said := capsys.readouterr().out) and "0.800" in said
    assert (
        called(
            monkeypatch,
            "models",
            "promote",
            "merged-retail-shop-churn",
            1,
            "--why",
            "a trial",
            "-C",
            copy.folder,
        )
        == 0
    )
    capsys.readouterr()
    assert called(monkeypatch, "models", "--json", "-C", copy.folder) == 0
    listed = json.loads(capsys.readouterr().out)
    assert [(v["version"], v["aliases"]) for v in listed] == [(2, ["challenger"]), (1, ["champion"])]
    assert listed[1]["why"] == "by a person: a trial" and listed[1]["metrics"] == {"auc": 0.7, "brier": 0.2}
    kept = Lakehouse(copy.lakehouse_location).query(
        "SELECT model_version, is_promoted, decided_by, why FROM gold.model_promotions"
    )
    assert kept.fetchall() == [(1, True, "person", "a trial")]
    for words, expected in (
        (("merged-retail-shop-chrn", 1), "did you mean `merged-retail-shop-churn`"),
        (("merged-retail-shop-churn", 7), "it has 1, 2"),
    ):
        assert called(monkeypatch, "models", "promote", *words, "--why", "no", "-C", copy.folder) == 2
        assert expected in " ".join(capsys.readouterr().err.split())


def test_without_a_registry_there_is_no_champion_and_no_mlflow(shop: Shop) -> None:
    """In a process of its own: not even help, the list of models, the question for a champion or a run
    without science imports MLflow.
    """
    shop.deliver_lines(LINE)
    program = """
import sys
from pathlib import Path
from mergehouse.cli.commands import app
from mergehouse.project.config import load_project
from mergehouse.science.registry.versions import champion
assert champion(load_project(sys.argv[1]), "shop", "churn") is None
config = Path(sys.argv[1], "mergehouse.yml")
for words in (["--help"], ["models", "-C", sys.argv[1]], ["run", "-C", sys.argv[1]]):
    if words[0] == "run":
        config.write_text(config.read_text().replace("science: true", "science: false"))
    app(words, standalone_mode=False)
print("imported:", [name for name in ("mlflow", "skops", "sklearn") if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", program, str(shop.folder)], capture_output=True, text=True)
    assert (
        done.returncode == 0 and "There is no model yet" in done.stdout and "imported: []" in done.stdout
    ), done.stdout + done.stderr


def test_better_is_a_better_mean_and_more_better_cutoffs() -> None:
    days = [dt.date(2025, month, 1) for month in range(1, 6)]

    def against(metric: str, own: list[float], other: list[float]) -> tuple[bool, int, int]:
        found = compare(
            metric, dict(zip(days, own, strict=False)), dict(zip(days, other, strict=False)), "it"
        )
        assert found is not None
        return found.is_better, found.better_at, found.worse_at

    assert against("auc", [0.7, 0.7, 0.7], [0.6, 0.6, 0.8]) == (True, 2, 1)
    assert against("brier", [0.7, 0.7, 0.7], [0.6, 0.6, 0.8]) == (False, 1, 2)
    assert against("auc", [0.9, 0.6, 0.6], [0.7, 0.61, 0.61]) == (False, 1, 2), "one lucky month"
    assert against("auc", [0.7, 0.7], [0.7, 0.7000001]) == (False, 0, 0), "a tie"
    assert against("auc", [0.7, 0.7, 0.8], [0.7, 0.7, 0.7]) == (
        True,
        1,
        0,
    ), "the same but in the months since"
    assert compare("auc", {days[0]: 0.7}, {days[1]: 0.7}, "it") is None
    shared = compare(
        "auc",
        dict(zip(days, [0.8, 0.9, 0.1], strict=False)),
        dict(zip(days[:2], [0.7, 0.7], strict=False)),
        "it",
    )
    assert shared and (shared.cutoffs, round(shared.value, 6), round(shared.other, 6)) == (2, 0.85, 0.7)


def test_an_experiment_may_be_a_path(project: Project) -> None:
    config = project.config.model_copy(update={"mlflow": MlflowConfig(experiment="/Shared/our retail's")})
    assert keep(project.model_copy(update={"config": config}), version()).name == "our-retail-s-shop-churn"
    assert [v.version for v in versions(project)] == [2, 1]
