"""Files of models: what may be in one, for which features it is, and what it is tried on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import polars as pl
import pytest
from tests.conftest import SHOP_HEADER
from tests.pipeline.kept_models import LINE, ROWS, copy, model, project  # noqa: F401 - fixtures

from mergehouse.errors import RegistryError
from mergehouse.pipeline.run import run
from mergehouse.project.config import Project
from mergehouse.science.features.dataset import INPUTS
from mergehouse.science.registry import mlflow_client as tracking
from mergehouse.science.registry import model_file
from mergehouse.science.registry.model_file import as_columns, digest, dump_model, frame, load_model, typical
from mergehouse.science.registry.versions import (
    champion,
    load,
    versions,
)

pytestmark = [pytest.mark.science, pytest.mark.slow("models are trained")]


def file_of(project: Project, number: int) -> Path:
    [found] = [
        f
        for f in project.folder.rglob("model.skops")
        if digest(f.read_bytes()) == {v.version: v.sha256 for v in versions(project)}[number]
    ]
    return found


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
