"""What a model was made from: which data, which code."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from pathlib import Path

import polars as pl

from mergehouse import __version__
from mergehouse.lakehouse.delta import Lakehouse
from mergehouse.science.features.dataset import FEATURES, OUTCOMES, Dataset

# another release may fit another model to the same data
LIBRARIES = ("numpy", "polars", "scikit-learn", "scipy")


@dataclass(frozen=True)
class Origin:
    """Edition of the features, code, libraries, and the Delta version of each table, by name. `fingerprint`
    is of the content: a table that was only compacted, or that another brand's customers were added to, has
    it unchanged.
    """

    feature_version: str
    code: str
    libraries: dict[str, str]
    tables: dict[str, int]
    fingerprint: str


def origin_of(lakehouse: Lakehouse, dataset: Dataset) -> Origin:
    """The origin of what is trained on a brand's dataset now."""
    libraries = {name: metadata.version(name) for name in LIBRARIES}
    tables = {
        name: lakehouse.delta(name).version() for name in (FEATURES, OUTCOMES) if lakehouse.exists(name)
    }
    fingerprint = hashlib.sha256(f"{code_version()} {libraries} {content(dataset)}".encode()).hexdigest()
    return Origin(dataset.rows["feature_version"][0], code_version(), libraries, tables, fingerprint)


@cache
def code_version() -> str:
    """mergehouse's version and the beginning of the SHA-256 of all code of `mergehouse.science`."""
    sources = sorted(Path(__file__).parents[1].rglob("*.py"))
    return f"{__version__}+{hashlib.sha256(b''.join(file.read_bytes() for file in sources)).hexdigest()[:12]}"


def content(dataset: Dataset) -> str:
    """SHA-256 of a dataset's columns, names and values."""
    found = hashlib.sha256(f"{dataset.brand} {dataset.as_of}".encode())
    for column in sorted(dataset.rows.columns):
        values = dataset.rows[column]
        found.update(f"\n{column} {values.null_count()} ".encode())
        found.update(
            "\n".join(values.fill_null("")).encode()
            if values.dtype == pl.String
            else values.to_numpy().tobytes()
        )
    return found.hexdigest()
