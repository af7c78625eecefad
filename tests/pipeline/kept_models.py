"""A project that keeps two versions of a churn model, and what they are made of."""

from __future__ import annotations

import datetime as dt
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from tests.conftest import Shop, prepared_shop, with_database_of_models

from mergehouse.contracts.registry import contract_of
from mergehouse.project.config import Project, load_project
from mergehouse.science.churn.model import Churn, ChurnModel
from mergehouse.science.features.dataset import INPUTS
from mergehouse.science.registry import mlflow_client as tracking
from mergehouse.science.registry import model_file
from mergehouse.science.registry.versions import (
    Version,
    promote,
    register,
)

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
