"""Scores of pairs by a linkage model, with the weight of each comparison."""

from __future__ import annotations

import math

import duckdb
import polars as pl

from mergehouse.identity.comparisons import UNKNOWN, Comparison, comparisons
from mergehouse.identity.model import OTHERS, LinkModel
from mergehouse.identity.splink_model import linker, register_frequencies, weigh
from mergehouse.lakehouse.reader import load


def score_blocked(connection: duckdb.DuckDBPyConnection, model: LinkModel, least: float) -> None:
    """Makes the table `scored` (id_l, id_r, score, evidence) of the pairs of the table `exact`, and of those
    of the table `blocked` that score `least` or more.
    """
    compared = comparisons(model.attributes)
    known = {
        name: [{"m_probability": level.m, "u_probability": level.u} for level in levels]
        for name, levels in model.comparisons.items()
    }
    splink = linker(connection, compared, known, model.prior)
    for column, frequencies in model.frequencies.items():
        _look_up(connection, column, frequencies)
        register_frequencies(connection, splink, column)
    evidence = ", ".join([_prior(model.prior), *(_part(comparison, model) for comparison in compared)])
    part = "STRUCT(attribute VARCHAR, level VARCHAR, weight DOUBLE)"
    connection.execute(f"CREATE TABLE scored (id_l BIGINT, id_r BIGINT, score DOUBLE, evidence {part}[])")
    for pairs, threshold in (("exact", None), ("blocked", least)):
        weighed = weigh(connection, splink, pairs, threshold)
        connection.execute(
            f"INSERT INTO scored SELECT id_l, id_r, match_probability, [{evidence}] FROM {weighed}"
        )
        connection.execute(f"DROP TABLE {weighed}")  # it has the attributes of both customers of each pair


def _look_up(connection: duckdb.DuckDBPyConnection, column: str, frequencies: dict[str, float]) -> None:
    """Makes the table `frequencies_<column>`: the model's share for each value that the customers have."""
    shares = pl.DataFrame({"value": list(frequencies), "share": list(frequencies.values())})
    load(connection, "TEMP TABLE shares", shares)
    connection.execute(f"""
        CREATE TABLE frequencies_{column} AS
        SELECT {column}, coalesce(share, {frequencies[OTHERS]}) AS tf_{column}
        FROM (SELECT DISTINCT {column} FROM customers WHERE {column} IS NOT NULL)
            LEFT JOIN shares ON value = {column}
    """)


def _prior(prior: float) -> str:
    return _struct("'prior'", "''", str(math.log2(prior / (1 - prior))))


def _part(comparison: Comparison, model: LinkModel) -> str:
    """Splink numbers levels from DIFFERENT, 0, upwards; -1 is unknown."""
    labels = [UNKNOWN, *reversed([level.label for level in model.comparisons[comparison.name]])]
    named = ", ".join(f"'{label}'" for label in labels)
    weight = f"mw_{comparison.name}"
    if any(condition.frequency for condition in comparison.conditions):
        weight += f" + mw_tf_adj_{comparison.name}"
    return _struct(f"'{comparison.name}'", f"[{named}][gamma_{comparison.name} + 2]", weight)


def _struct(attribute: str, level: str, weight: str) -> str:
    return f"{{'attribute': {attribute}, 'level': {level}, 'weight': {weight}}}"
