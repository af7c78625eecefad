"""The model registry: MLflow, embedded in the project or on a server. Which version is champion, and whether its file is still the one registered.

A model is kept for each brand and target as `<experiment>-<brand>-<target>`. Its aliases say what a version is for: scores come from the
`champion`; `challenger` is the best other one, the former champion after a promotion.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import polars as pl

from mergehouse.project import Project


class Model(Protocol):
    """What can be registered: rows of `gold.customer_features` in, an array, arrays by horizon or a dataclass of these out."""

    def predict(self, rows: pl.DataFrame) -> Any: ...


@dataclass(frozen=True)
class Version:
    """One registered version. `by_cutoff` is `metric` of its method at past cut-offs, as backtested when it was trained on `as_of`."""

    name: str
    version: int
    brand: str
    target: str
    method: str
    aliases: tuple[str, ...]
    feature_version: str
    as_of: dt.date
    trained_ts: dt.datetime
    metric: str
    by_cutoff: dict[dt.date, float]
    fingerprint: str
    sha256: str
    code: str
    why: str

    @property
    def value(self) -> float:
        """Mean over the cut-offs."""
        return float(np.mean(list(self.by_cutoff.values())))


@dataclass(frozen=True)
class Registered(Version):
    """A version with its model, whose file is the one registered and whose features are those of the code."""

    model: Any = None


def champion(project: Project, brand: str, target: str) -> Registered | None:
    """The model that a brand's scores come from; None where none is good enough or nothing was trained. Targets: churn, clv.

    Raises RegistryError where its file is not the one registered, where it was trained on other features than the code has now, and where
    the registry cannot be reached. Needs no lock, and no MLflow where the project's own registry does not exist yet.
    """
    raise NotImplementedError


def versions(project: Project, brand: str | None = None) -> list[Version]:
    """All versions of a project's models, newest first, without loading any."""
    raise NotImplementedError


def register(project: Project, model: Model, version: Version, example: pl.DataFrame, run_id: str | None = None) -> Version:
    """Keeps a model as a new version of its name and returns it with the number it got. It has no alias yet.

    `example` are rows like those it predicts, for the signature; no customer's own row is kept.
    """
    raise NotImplementedError


def load(project: Project, version: Version) -> Registered:
    """A version with its model. Errors as for `champion`."""
    raise NotImplementedError


def promote(project: Project, version: Version, why: str) -> Version | None:
    """Makes a version the champion and the former champion the challenger; returns the former."""
    raise NotImplementedError
