"""The same comparisons and numbers as Splink's model, over the tables of linkage."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import duckdb

from mergehouse.identity.comparisons import DIFFERENT, UNKNOWN, Agreement, Comparison

if TYPE_CHECKING:
    from splink import Linker


def linker(
    connection: duckdb.DuckDBPyConnection,
    comparisons: Iterable[Comparison],
    parameters: dict[str, list[dict[str, Any]]],
    prior: float,
) -> Linker:
    """Splink over the table `customers`. `parameters` are what is known of each level: `m_probability`,
    `u_probability`, from equal to DIFFERENT.

    Brands are kept apart by the pairs that it is given and the rules that it is asked, not by Splink: to it
    all customers are one table.
    """
    from splink import DuckDBAPI, Linker

    logging.getLogger("splink").setLevel(logging.ERROR)  # what it finds is said by us
    api = DuckDBAPI(connection=connection)
    settings = {
        "link_type": "dedupe_only",
        "unique_id_column_name": "id",
        "probability_two_random_records_match": prior,
        "retain_matching_columns": True,
        "retain_intermediate_calculation_columns": True,
        "comparisons": [_comparison(comparison, parameters[comparison.name]) for comparison in comparisons],
    }
    return Linker(
        api.register(connection.table("customers")), settings, log_level=None, validate_settings=False
    )


def register_frequencies(connection: duckdb.DuckDBPyConnection, splink: Linker, column: str) -> None:
    """Tells Splink the shares of a column's values: the table `frequencies_<column>`, with `tf_<column>`."""
    table = splink._db_api.register(connection.table(f"frequencies_{column}"))
    splink.table_management.register_term_frequency_lookup(table, column)


def weigh(connection: duckdb.DuckDBPyConnection, splink: Linker, pairs: str, least: float | None) -> str:
    """The name of a table with Splink's columns for a table of pairs, id_l and id_r; with `least` those alone
    that score so much.
    """
    given = connection.sql(f"SELECT id_l AS join_key_l, id_r AS join_key_r, '' AS match_key FROM {pairs}")
    splink.table_management.register_blocked_pairs_for_predict(splink._db_api.register(given))
    return splink.inference.predict(threshold_match_probability=least, warning_mode="never").physical_name


def _comparison(comparison: Comparison, parameters: list[dict[str, Any]]) -> dict[str, Any]:
    otherwise = Agreement(DIFFERENT, "ELSE")
    levels = zip((*comparison.conditions, otherwise), parameters, strict=True)
    return {
        "output_column_name": comparison.name,
        "comparison_levels": [
            {"sql_condition": comparison.unknown, "label_for_charts": UNKNOWN, "is_null_level": True},
            *(
                {"sql_condition": condition.sql, "label_for_charts": condition.label}
                | (
                    {"tf_adjustment_column": condition.frequency, "disable_tf_exact_match_detection": True}
                    if condition.frequency
                    else {}
                )
                | known
                for condition, known in levels
            ),
        ],
    }
