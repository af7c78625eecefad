"""Scores of pairs by a linkage model, with the weight of each comparison."""

from __future__ import annotations

import duckdb

from mergehouse.identity.model import LinkModel


def score_blocked(connection: duckdb.DuckDBPyConnection, model: LinkModel, least: float) -> None:
    """Makes the table `scored` (id_l, id_r, score, evidence) of the table `blocked`: pairs that score `least`
    or more, and those of the table `exact`.
    """
    raise NotImplementedError
