"""Customers' numbers that are one person, from evidence about pairs of them.

Evidence counts in this order: a decision, a known pair, exact agreement, probability. What comes later is
refused where it would put two numbers of one brand, or a pair that was decided to be different, together.
Decisions and known pairs are people's word: they may unite two numbers of one brand.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import polars as pl

KEY = ["source_system", "customer_code"]
DECISION, KNOWN_PAIR, OWN = "decision", "known_pair", "own"
METHODS = (DECISION, KNOWN_PAIR, "exact", "probabilistic")  # in the order in which they count
OF_PEOPLE = METHODS.index(KNOWN_PAIR)  # up to here


@dataclass(frozen=True)
class Clusters:
    """`members`: KEY, `cluster` (a number), `method` and `score` of the surest evidence that joins the
    member to its cluster. `refused`: the evidence that does not count, with its columns.
    """

    members: pl.DataFrame
    refused: pl.DataFrame


def unite(members: pl.DataFrame, evidence: pl.DataFrame, different: pl.DataFrame) -> Clusters:
    """Clusters of `members` (KEY), whatever the order of any rows.

    `evidence` has a pair of numbers (source_system_a, customer_code_a, source_system_b, customer_code_b),
    `method` (one of METHODS), `score` (0 to 1, or null) and `rank`, which orders
    decisions among themselves; `different` has pairs. Pairs of which somebody is no member are left out, but
    whom known pairs join to one number, delivered or not, are one.

    >>> members = pl.DataFrame({"source_system": ["a", "a", "b"], "customer_code": ["1", "2", "9"]})
    >>> pair = {"source_system_a": "a", "customer_code_a": "1", "source_system_b": "b"}
    >>> pair |= {"customer_code_b": "9", "method": "exact", "score": 0.99, "rank": 0}
    >>> evidence = pl.DataFrame([pair, pair | {"customer_code_a": "2", "score": 0.98}])
    >>> found = unite(members, evidence, evidence.clear())
    >>> found.members["cluster"].to_list(), found.refused["customer_code_a"].to_list()
    ([0, 1, 0], ['2'])
    """
    numbered = _nodes(members, evidence)
    order = pl.col("method").replace_strict({m: n for n, m in enumerate(METHODS)}, return_dtype=pl.Int8)
    edges = (
        _numbered(evidence, numbered)
        .with_columns(order.alias("order"))
        .sort(
            "order",
            "rank",
            "score",
            "low",
            "high",
            descending=[False, False, True, False, False],
            nulls_last=True,
        )
    )
    brands = numbered["brand"].rank("dense").cast(pl.Int64).to_list()
    forest = _Forest(brands, _numbered(different, numbered).select("low", "high").rows())
    refused = [
        not forest.joined(low, high, is_of_people=order <= OF_PEOPLE)
        for low, high, order in edges.select("low", "high", "order").iter_rows()
    ]
    marked = edges.with_columns(pl.Series("refused", refused, pl.Boolean))
    roots = pl.Series("cluster", [forest.root(n) for n in range(numbered.height)], pl.Int64)
    labelled = numbered.with_columns(roots).filter("is_member")
    is_joined = pl.len().over("cluster") > 1
    counted = marked.filter(~pl.col("refused"))
    ends = [
        counted.select("order", "method", "score", member=pl.col(end).cast(pl.UInt32))
        for end in ("low", "high")
    ]
    surest = (
        pl.concat(ends)
        .sort("order", "score", descending=[False, True], nulls_last=True)
        .unique("member", keep="first", maintain_order=True)
        .select("member", "method", "score")
    )
    found = labelled.join(surest, on="member", how="left", maintain_order="left").select(
        *KEY,
        "cluster",
        pl.when(is_joined).then("method").fill_null(OWN).alias("method"),
        "score",
    )
    return Clusters(found, marked.filter("refused").select(evidence.columns))


def _nodes(members: pl.DataFrame, evidence: pl.DataFrame) -> pl.DataFrame:
    """Members, and numbers that nobody delivers and known pairs name, in the order of KEY: their places as
    `member`, and their `brand`, of which those that nobody delivers are none's.
    """
    known = evidence.filter(pl.col("method") == KNOWN_PAIR)
    sides = [{name: f"{name}_{side}" for name in KEY} for side in ("a", "b")]
    named = pl.concat([known.select(**side) for side in sides]).join(members, on=KEY, how="anti")
    nodes = pl.concat(
        frame.select(*KEY, is_member=pl.lit(is_member))
        for frame, is_member in ((members, True), (named, False))
    )
    brand = pl.when("is_member").then("source_system").otherwise(pl.format("{}:{}", *KEY))
    return nodes.unique().sort(KEY).with_row_index("member").with_columns(brand=brand)


class _Forest:
    """Numbers joined into clusters, each under its lowest member."""

    def __init__(self, brands: list[int], different: Iterable[tuple[int, int]]):
        self._nearer = list(range(len(brands)))
        self._brands: dict[int, set[int]] = {}
        self._own = brands
        self._apart: dict[int, set[int]] = {}
        for one, other in different:
            self._apart.setdefault(one, set()).add(other)
            self._apart.setdefault(other, set()).add(one)

    def root(self, member: int) -> int:
        while (nearer := self._nearer[member]) != member:
            self._nearer[member] = member = self._nearer[nearer]
        return member

    def joined(self, one: int, other: int, is_of_people: bool) -> bool:
        """Joins the clusters of two members; False where these must stay apart."""
        low, high = sorted((self.root(one), self.root(other)))
        if low == high:
            return True
        if any(self.root(member) == high for member in self._apart.get(low, ())):
            return False
        if not is_of_people and self._brands_of(low) & self._brands_of(high):
            return False
        self._brands[low] = self._brands_of(low) | self._brands.pop(high, {self._own[high]})
        if high in self._apart:
            self._apart.setdefault(low, set()).update(self._apart.pop(high))
        self._nearer[high] = low
        return True

    def _brands_of(self, root: int) -> set[int]:
        return self._brands.get(root) or {self._own[root]}


def _numbered(pairs: pl.DataFrame, members: pl.DataFrame) -> pl.DataFrame:
    """The pairs with the places of both members, the lower first."""
    for side in ("a", "b"):
        keys = members.rename(
            {
                "source_system": f"source_system_{side}",
                "customer_code": f"customer_code_{side}",
                "member": side,
            }
        )
        pairs = pairs.join(keys, on=[f"source_system_{side}", f"customer_code_{side}"])
    return pairs.with_columns(low=pl.min_horizontal("a", "b"), high=pl.max_horizontal("a", "b")).drop(
        "a", "b"
    )
