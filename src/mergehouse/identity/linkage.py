"""Which customers of two brands are the same person, and what somebody should look at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import polars as pl

from mergehouse.identity.attributes import ATTRIBUTES
from mergehouse.identity.guard import block, pair_exactly
from mergehouse.identity.input_table import load_customers, usable_attributes
from mergehouse.identity.model import LinkModel
from mergehouse.identity.person_rule import IS_PERSON
from mergehouse.identity.scoring import score_blocked
from mergehouse.lakehouse.reader import frame, limited
from mergehouse.project.settings import Limits

Method = Literal["exact", "probabilistic"]
Verdict = Literal["link", "review"]
Reason = Literal["person", "household", "below_threshold", "not_mutual"]
LINK_FROM, REVIEW_FROM = 0.95, 0.5
SCHEMA: dict[str, pl.DataType | type[pl.DataType]] = {
    "source_system_a": pl.String,
    "customer_code_a": pl.String,
    "source_system_b": pl.String,
    "customer_code_b": pl.String,
    "score": pl.Float64,
    "method": pl.Enum(get_args(Method)),
    "verdict": pl.Enum(get_args(Verdict)),
    "reason": pl.Enum(get_args(Reason)),
    "evidence": pl.List(pl.Struct({"attribute": pl.String, "level": pl.String, "weight": pl.Float64})),
}


@dataclass(frozen=True)
class Candidates:
    """`pairs` has the columns of SCHEMA, ordered by its first four; a comes before b in the alphabet of
    brands. `left_out` says what the guard kept from being compared: rule, keys, pairs (of these), largest
    (pairs of one key) and customers.
    """

    pairs: pl.DataFrame
    left_out: pl.DataFrame


def candidates(customers: pl.DataFrame, model: LinkModel | None, limits: Limits | None = None) -> Candidates:
    """Pairs of customers of two brands to link or to look at, from the `customers` of `standardise`.

    A pair is linked where it passes the person rule (`person_rule`), agrees exactly (`exact`) or scores
    LINK_FROM or more (`probabilistic`), and each is the other's best in that brand. Other pairs that score
    REVIEW_FROM or more are for review: `household` where the rule sees two persons, `below_threshold`,
    `not_mutual` where one of the two has a better one. At most one link leads from a customer to each other
    brand.

    `score` is between 0 and 1 and orders pairs; it is no probability (docs/identity.md). Its parts are the
    `evidence`: for each comparison the level of agreement and its match weight (bits; log2 m/u), after the
    weight of the `prior`. Without a model pairs that agree exactly are all there is, without score and
    weights.

    >>> one = {"source_system": "a", "customer_code": "1", "first_name": "Ana", "last_name": "Sá"}
    >>> other = one | {"source_system": "b", "customer_code": "7"}
    >>> import datetime as dt
    >>> from mergehouse.identity.attributes import standardise
    >>> both = pl.DataFrame([one, other]).with_columns(birth_date=pl.lit("1980-05-17"))
    >>> found = candidates(standardise(both, dt.date(2026, 1, 1)).customers, model=None).pairs
    >>> found.select("customer_code_a", "customer_code_b", "method", "verdict", "reason").rows()
    [('1', '7', 'exact', 'link', 'person')]

    The same customers give the same pairs, whatever their order or the number of threads. Raises ConfigError
    where the model was trained on other attributes.
    """
    with limited(limits or Limits()) as connection:
        load_customers(connection, customers)
        left_out = pair_exactly(connection)
        if model:
            attributes = usable_attributes(connection)
            model.check(attributes)
            left_out = pl.concat([left_out, block(connection, attributes)])
            score_blocked(connection, model, REVIEW_FROM)
        else:
            connection.execute(_WITHOUT_MODEL)
        return Candidates(frame(connection.sql(_DECIDED)).select(*SCHEMA).cast(pl.Schema(SCHEMA)), left_out)


_EQUAL = ", ".join(
    f"CASE WHEN l.{name} = r.{name}"
    f" THEN {{'attribute': '{name}', 'level': 'equal', 'weight': NULL::DOUBLE}} END"
    for name in ATTRIBUTES
)
_WITHOUT_MODEL = f"""
    CREATE TABLE scored AS
    SELECT id_l, id_r, NULL::DOUBLE AS score, list_filter([{_EQUAL}], lambda x: x IS NOT NULL) AS evidence
    FROM exact JOIN customers AS l ON l.id = id_l JOIN customers AS r ON r.id = id_r
"""
# Rows of a pair of brands are ranked among those that may be linked; the others have ranks of their own.
_DECIDED = f"""
    WITH pairs AS (
        SELECT
            id_l, id_r, score, evidence,
            l.source_system AS source_system_a, l.customer_code AS customer_code_a,
            r.source_system AS source_system_b, r.customer_code AS customer_code_b,
            {IS_PERSON} AS is_person,
            EXISTS (FROM exact WHERE exact.id_l = scored.id_l AND exact.id_r = scored.id_r) AS is_exact
        FROM scored JOIN customers AS l ON l.id = id_l JOIN customers AS r ON r.id = id_r
    ), ranked AS (
        SELECT
            *,
            is_exact OR (is_person AND score >= {LINK_FROM}) AS may_link,
            row_number() OVER (
                PARTITION BY id_l, source_system_b, may_link ORDER BY is_exact DESC, score DESC, id_r
            ) AS place_l,
            row_number() OVER (
                PARTITION BY id_r, source_system_a, may_link ORDER BY is_exact DESC, score DESC, id_l
            ) AS place_r
        FROM pairs
    )
    SELECT
        source_system_a, customer_code_a, source_system_b, customer_code_b,
        score,
        CASE WHEN is_exact THEN 'exact' ELSE 'probabilistic' END AS method,
        CASE
            WHEN NOT is_person THEN 'household'
            WHEN NOT may_link THEN 'below_threshold'
            WHEN place_l > 1 OR place_r > 1 THEN 'not_mutual'
            ELSE 'person'
        END AS reason,
        CASE WHEN reason = 'person' THEN 'link' ELSE 'review' END AS verdict,
        evidence
    FROM ranked
    ORDER BY source_system_a, customer_code_a, source_system_b, customer_code_b
"""
