"""The published exports, run to Gold once; skipped where the data is not there."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import pytest
from tests.prepared import prepared

from mergehouse.cli.scaffold import write_project
from mergehouse.lakehouse.delta import Lakehouse
from mergehouse.pipeline.results import RunResult
from mergehouse.pipeline.run import run
from mergehouse.project.config import load_project

DATA = Path(os.environ.get("MERGEHOUSE_REAL_DATA", Path(__file__).parents[3] / "shared" / "data"))
RETAIL = DATA / "online-retail-ii" / "online_retail_II.csv.gz"
FASHION = DATA / "european-fashion"
CDNOW = DATA / "cdnow"
NEEDED = [
    RETAIL,
    FASHION,
    DATA / "ecb" / "eurofxref-hist.csv",
    DATA / "european-fashion-variants",
    CDNOW,
    DATA / "febrl",
]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    missing = [p for p in NEEDED if not p.exists()]
    if missing:
        for item in items:
            if Path(__file__).parent in item.path.parents:
                item.add_marker(
                    pytest.mark.skip(
                        reason=(
                            f"no published exports: {missing[0]} not found (MERGEHOUSE_REAL_DATA names their"
                            " folder)"
                        )
                    )
                )


@pytest.fixture(scope="session")
def real(tmp_path_factory: pytest.TempPathFactory) -> tuple[Lakehouse, RunResult]:
    folder = prepared("published exports", published_exports, tmp_path_factory.mktemp("real"))
    result = pickle.loads((folder / "result.pickle").read_bytes())
    return Lakehouse(load_project(folder).lakehouse_location), result


def published_exports(folder: Path) -> None:
    write_project(folder, DATA)
    (folder / "result.pickle").write_bytes(pickle.dumps(run(load_project(folder))))
