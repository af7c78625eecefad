"""Learns from customers alone, without known pairs, how much agreement in each attribute says."""

from __future__ import annotations

import datetime as dt

import polars as pl

from mergehouse.identity.model import LinkModel
from mergehouse.project.settings import Limits


def train(customers: pl.DataFrame, trained_at: dt.datetime, limits: Limits | None = None) -> LinkModel:
    """A model from the `customers` of `standardise`, of two brands or more.

    Raises FitError where attributes are too few, or no customers of two brands look alike.
    """
    raise NotImplementedError
