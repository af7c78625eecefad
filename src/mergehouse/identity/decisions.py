"""What people decided about pairs of customers, `identity_decisions.csv`: which rows count, and what is wrong
with the others.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from mergehouse.identity.clusters import DECISION, KEY
from mergehouse.identity.findings import finding
from mergehouse.project.known_pairs import DECISIONS, Rows
from mergehouse.quality.checks import CheckResult

PAIR = ["source_system_a", "customer_code_a", "source_system_b", "customer_code_b"]
_NAMES = dict(
    zip(
        ("source_system", "source_customer_id", "other_source_system", "other_source_customer_id"),
        PAIR,
        strict=True,
    )
)


@dataclass(frozen=True)
class Decisions:
    """Pairs by PAIR with `row`, that of the file, and `decided_at`: `counted` of each pair the last one, with
    its `decision`; `replaced` those that a later one contradicts, with the `later_row`.
    """

    counted: pl.DataFrame
    replaced: pl.DataFrame

    @property
    def same(self) -> pl.DataFrame:
        """As evidence for `unite`: earlier decisions come first."""
        chosen = self.counted.filter(decision="same").sort("decided_at", "row")
        return chosen.select(
            *PAIR, pl.lit(DECISION).alias("method"), pl.lit(None, pl.Float64).alias("score"), "row"
        ).with_row_index("rank")

    @property
    def different(self) -> pl.DataFrame:
        return self.counted.filter(decision="different").select(*PAIR, "row")


def read_decisions(mapping: Rows) -> Decisions:
    """From the mapping table of decisions.

    >>> columns = ["rule_no", *_NAMES, "decision", "decided_by", "decided_at", "why"]
    >>> rows = [["1", "a", "1", "b", "9", "same", "me", "2026-01-01", None]]
    >>> rows += [["2", "b", "9", "a", "1", "different", "me", "2026-01-02", None]]
    >>> found = read_decisions((columns, rows))
    >>> found.different["row"].to_list(), found.replaced.select("row", "later_row").rows()
    ([3], [(2, 3)])
    """
    columns, rows = mapping
    read = pl.DataFrame(rows, dict.fromkeys(columns, pl.String), orient="row").rename(_NAMES)
    brand, other, code, number = (pl.col(name) for name in (PAIR[0], PAIR[2], PAIR[1], PAIR[3]))
    is_turned = (brand > other) | ((brand == other) & (code > number))
    turned = {mine: other for mine, other in zip(PAIR, PAIR[2:] + PAIR[:2], strict=True)}
    told = read.with_columns(
        *(
            pl.when(is_turned).then(pl.col(other)).otherwise(pl.col(mine)).alias(mine)
            for mine, other in turned.items()
        ),
        row=pl.col("rule_no").cast(pl.Int64) + 1,  # below the header
    ).sort("decided_at", "row")
    last = told.unique(PAIR, keep="last", maintain_order=True)
    later = last.select(*PAIR, later="decision", later_row="row")
    replaced = told.join(later, on=PAIR).filter(pl.col("decision") != pl.col("later"))
    return Decisions(last, replaced.sort("row"))


def checks(
    decisions: Decisions, refused: pl.DataFrame, members: pl.DataFrame, table: str
) -> list[CheckResult]:
    """Findings of the `table`: rows that contradict later ones; rows that say of customers that they are the
    same who by other rows are `different`; rows about customers that there are not. `refused` is evidence
    that does not count, `members` are KEY and `cluster`.
    """
    keys = members.select(KEY)
    unknown = pl.concat(
        decisions.counted.join(keys, left_on=PAIR[n : n + 2], right_on=KEY, how="anti").select("row", *PAIR)
        for n in (0, 2)
    )
    different = _with_clusters(decisions.different, members).rename({"row": "different_row"})
    refused = _with_clusters(refused.filter(method=DECISION), members)
    either = pl.concat(
        [different, different.rename({"cluster_a": "cluster_b", "cluster_b": "cluster_a"})], how="diagonal"
    ).select("cluster_a", "cluster_b", "different_row")
    against = refused.join(either, on=["cluster_a", "cluster_b"]).group_by("row").agg(pl.min("different_row"))
    return [
        finding(
            table,
            "decisions_agree",
            decisions.replaced.select("row", "decision", "later_row"),
            f"A row of {DECISIONS} says the opposite of a later one of the same pair, which counts. Remove"
            " it.",
        ),
        finding(
            table,
            "decisions_can_be_followed",
            against.sort("row"),
            f"A row of {DECISIONS} says same of customers whom, together with others that are the same as"
            " they, a row says to be different: they stay apart. Mend one of the two.",
        ),
        finding(
            table,
            "decisions_name_customers",
            unknown.unique("row").sort("row"),
            f"A row of {DECISIONS} names a customer that no brand delivers: it says nothing yet.",
        ),
    ]


def _with_clusters(pairs: pl.DataFrame, members: pl.DataFrame) -> pl.DataFrame:
    for side, keys in (("a", PAIR[:2]), ("b", PAIR[2:])):
        named = members.select(*KEY, pl.col("cluster").alias(f"cluster_{side}"))
        pairs = pairs.join(named, left_on=keys, right_on=KEY)
    return pairs
