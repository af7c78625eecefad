"""The model registry: only the file that was registered is loaded, and only a version that is better is
promoted.
"""

from __future__ import annotations

import datetime as dt
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import polars as pl
import pytest
from tests.conftest import SHOP_HEADER, Shop, prepared_shop, with_database_of_models

from mergehouse.cli.main import main
from mergehouse.contracts.registry import contract_of
from mergehouse.errors import ConfigError, RegistryError
from mergehouse.lakehouse.delta import Lakehouse
from mergehouse.pipeline.run import run
from mergehouse.project.config import Project, load_project
from mergehouse.project.settings import MlflowConfig
from mergehouse.science.churn.model import Churn, ChurnModel
from mergehouse.science.features.dataset import INPUTS
from mergehouse.science.registry import mlflow_client as tracking
from mergehouse.science.registry import model_file
from mergehouse.science.registry.champion import compare
from mergehouse.science.registry.model_file import as_columns, digest, dump_model, frame, load_model, typical
from mergehouse.science.registry.versions import (
    Version,
    challenge,
    champion,
    load,
    promote,
    register,
    versions,
)

pytestmark = pytest.mark.science

LINE = "A1,1,2026-03-01 10:00:00,P1,Mug,2,5.00,77,Germany,EUR"
DAY = dt.date(2026, 3, 1)
RNG = np.random.default_rng(3)
COUNTS = [
    name
    for name, column in contract_of("gold.customer_features").columns.items()
    if column.type != "boolean"
    and name not in (*model_file.NOT_INPUTS, "tenure_days", "purchases", "region", "country_code")
]
ROWS = pl.DataFrame(
    {name: RNG.integers(0, 80, 200) for name in COUNTS}
    | {
        "tenure_days": RNG.integers(80, 200, 200),
        "purchases": RNG.integers(1, 7, 200),
        "is_cross_brand": RNG.random(200) < 0.1,
    }
    | {
        "customer_id": [f"C{n}" for n in range(200)],
        "region": ["North Europe"] * 120 + ["Rest of world"] * 80,
    }
)


def model(seed: int = 1) -> ChurnModel:
    rng, inputs = np.random.default_rng(seed), len(INPUTS)
    one = Churn(
        90,
        rng.normal(size=inputs),
        rng.random(inputs) + 1,
        rng.normal(size=inputs) / 9,
        rng.random(inputs),
        500,
        -0.3,
    )
    return ChurnModel({90: one}, {90: replace(one, intercept=0.4)})


def version(auc: float = 0.75, **known: object) -> Version:
    given = dict(
        brand="shop", target="churn", method="logistic regression", feature_version="1", as_of=DAY,
        trained_ts=dt.datetime(2026, 3, 2, 10, tzinfo=dt.UTC), metric="auc",
        metrics={"auc": auc, "brier": 0.2},
        by_cutoff={dt.date(2025, 1, 1): auc - 0.01, dt.date(2025, 2, 1): auc + 0.01}, fingerprint=f"{auc}",
        code="0.1.0+abc",
    )  # fmt: skip
    return Version(**given | known)  # type: ignore[arg-type]


def keep(project: Project, kept: Version, seed: int = 1) -> Version:
    with tracking.connected(project) as client:
        run = client.create_run(tracking.experiment_id(client, project)).info.run_id
    return register(project, model(seed), kept, ROWS, run)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Two versions of a churn model; the second is champion."""
    return prepared_shop("registry", two_versions, tmp_path_factory.mktemp("registry") / "project").project


def two_versions(shop: Shop) -> None:
    made = with_database_of_models(shop.with_science()).project
    first = keep(made, version(0.7))
    promote(made, first, "beats the rule")
    promote(made, keep(made, version(0.8), seed=2), "beats version 1")


@pytest.fixture
def copy(project: Project, tmp_path: Path) -> Project:
    """A copy of the project in another folder, to be spoilt."""
    shutil.copytree(project.folder, tmp_path / "copy-403")
    return load_project(tmp_path / "copy-403")


def file_of(project: Project, number: int) -> Path:
    [found] = [
        f
        for f in project.folder.rglob("model.skops")
        if digest(f.read_bytes()) == {v.version: v.sha256 for v in versions(project)}[number]
    ]
    return found


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


def test_a_changed_file_is_not_loaded(copy: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    file = file_of(copy, 2)
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    monkeypatch.setattr("skops.io.loads", lambda *_, **__: pytest.fail("a changed file was loaded"))
    with pytest.raises(
        RegistryError, match=r"merged-retail-shop-churn version 2: its file was changed .* and was not loaded"
    ):
        champion(copy, "shop", "churn")
    file.unlink()
    with pytest.raises(RegistryError, match="file is not there any more"):
        champion(copy, "shop", "churn")


@dataclass
class Stranger:
    value: float = 1.0

    def predict(self, rows: pl.DataFrame) -> np.ndarray:
        return np.full(len(rows), self.value)


def test_types_that_nobody_vouched_for_are_neither_kept_nor_loaded() -> None:
    import skops.io  # loads libraries for seconds, in each process that collects tests

    with pytest.raises(RegistryError, match="Stranger holds types that nobody vouched for: .*Stranger"):
        dump_model(Stranger(), ROWS)
    data = skops.io.dumps({"model": Stranger(), "inputs": list(INPUTS), "example": {}, "said": {}})
    with pytest.raises(
        RegistryError, match="a model: its file holds types that this version of mergehouse does not trust"
    ):
        load_model(data, digest(data), "a model")
    for other in (b"no file of a model", skops.io.dumps([1, 2])):
        with pytest.raises(RegistryError, match="cannot be read by this version"):
            load_model(other, digest(other), "a model")


def test_a_model_kept_before_modules_moved_is_read() -> None:
    """The file is as version 0.1.0 wrote `model()`: it names `mergehouse.science.churn.Churn`."""
    data = Path(__file__).with_name("churn_model_0.1.0.skops").read_bytes()
    assert b'"mergehouse.science.churn"' in ZipFile(BytesIO(data)).read("schema.json")
    kept = load_model(data, digest(data), "the model of before")
    now, then = (as_columns(each.predict(ROWS)) for each in (model(), kept))
    assert now.keys() == then.keys() and all(np.array_equal(now[name], then[name]) for name in now)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda inputs: {n: e for n, e in inputs.items() if n != "trend"}, "no longer there: trend"),
        (lambda inputs: inputs | {"luck": pl.lit(0.0)}, "new: luck"),
        (lambda inputs: dict(reversed(inputs.items())), "in another order"),
        (lambda inputs: inputs | {"trend": pl.lit(0.0)}, "predicts otherwise than when it was registered"),
        (
            lambda inputs: inputs | {"trend": pl.col("trend_of_fashion")},
            "cannot predict with the features there are now",
        ),
    ],
    ids=["one less", "one more", "order", "meaning", "column"],
)
def test_a_model_of_other_features_is_refused(
    monkeypatch: pytest.MonkeyPatch, change: Callable[[dict], dict], words: str
) -> None:
    data = dump_model(model(), ROWS)
    load_model(data, digest(data), "a model")
    changed = change(dict(INPUTS))
    monkeypatch.setattr(model_file, "INPUTS", changed)
    monkeypatch.setattr("mergehouse.science.features.dataset.INPUTS", changed)
    with pytest.raises(RegistryError, match=f"^a model .*{words}.* Train again"):
        load_model(data, digest(data), "a model")


def test_features_of_another_edition_are_refused(copy: Project) -> None:
    (copy.folder / "raw" / "shop" / "lines.csv").write_text(f"{SHOP_HEADER}\n{LINE}\n")
    run(copy)
    assert champion(copy, "shop", "churn")
    with pytest.raises(
        RegistryError, match="trained on features of edition 0; gold.customer_features is of edition 1"
    ):
        load(copy, replace(versions(copy)[0], feature_version="0"))


def test_the_example_is_typical_and_nobodys_own() -> None:
    rows = pl.DataFrame(
        {"purchases": [1, 1, 1, 2, 2, 2], "recency_days": [9, 5, 7, 1, 4, 2],
            "gap_last_days": [None, None, 30, 8, None, 6],
         "is_cross_brand": [True, True, False, False, False, True], "region": list("bba") + list("cab"),
         "customer_id": list("uvwxyz"),
         "next_purchases_90d": [0] * 6}
    )  # fmt: skip
    assert frame(typical(rows)).to_dicts() == [
        {"purchases": 1.0, "recency_days": 7.0, "gap_last_days": None, "is_cross_brand": True, "region": "b"},
        {"purchases": 2.0, "recency_days": 2.0, "gap_last_days": 6.0, "is_cross_brand": False, "region": "a"},
    ]


def test_predictions_have_names() -> None:
    @dataclass
    class Worth:
        value: dict[int, np.ndarray]
        low: np.ndarray

    said = Worth({90: np.array([1]), 365: np.array([4])}, np.array([2]))
    assert {name: array.tolist() for name, array in as_columns(said).items()} == {
        "value_90": [1.0],
        "value_365": [4.0],
        "low": [2.0],
    }
    assert list(as_columns({30: np.array([0.5])})) == ["prediction_30"] and list(
        as_columns(np.array([0.5]))
    ) == ["prediction"]


def test_mlflow_serves_the_model_and_no_pickle_is_anywhere(project: Project) -> None:
    import mlflow

    with tracking.connected(project) as client:
        uri = client.get_model_version("merged-retail-shop-churn", "2").source
    served = mlflow.pyfunc.load_model(uri)
    said = served.predict(
        ROWS.with_columns(pl.col(pl.Int64).cast(pl.Float64), country_code=pl.lit("DE")).to_pandas()
    )
    assert np.allclose(said["prediction_90"], model(2).predict(ROWS)[90])
    assert served.metadata.signature.inputs.has_input_names() and len(served.input_example) == 5
    assert not [f for f in (project.folder / "mlflow").rglob("*") if "pkl" in f.name or "pickle" in f.name]
    assert {f.name for f in (project.folder / "mlflow").iterdir()} == {"mlflow.db", "artifacts"}


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
