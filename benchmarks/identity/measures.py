"""One measurement: standardise, train, find; then, with the truth, how much of it is right."""

from __future__ import annotations

import datetime as dt
import resource
import time
from dataclasses import dataclass, field

import numpy as np
import polars as pl
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from mergehouse.identity.attributes import standardise
from mergehouse.identity.linkage import Candidates, candidates
from mergehouse.identity.training import train

DAY = dt.datetime(2026, 11, 1, tzinfo=dt.UTC)
FIVE_EXACT_RULES = (
    ("first_name", "last_name", "birth_date"),
    ("first_name", "last_name", "email"),
    ("first_name", "last_name", "phone"),
    ("first_name", "last_name", "address_line_1", "postcode"),
    ("birth_date", "email"),
)
EDGES = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 0.999, 1.0)  # of scores, for reliability
PAIR = ("source_system_a", "customer_code_a", "source_system_b", "customer_code_b")


@dataclass(frozen=True)
class Found:
    """Of pairs called the same person: how many of them are right, and how many of the true ones they are."""

    precision: float
    recall: float

    @property
    def f1(self) -> float:
        return 2 * self.precision * self.recall / (self.precision + self.recall)


@dataclass(frozen=True)
class Measured:
    """`cpu`: seconds of processor by step; `memory`: peak of the process in GB. `reliability`: by EDGES,
    (pairs, right, mean score) of all pairs, and of those that the person rule lets pass.
    """

    name: str
    customers: int
    true_pairs: int
    links: Found
    pairs: Found
    clusters: Found
    floor: Found
    cpu: dict[str, float]
    seconds: float
    memory: float
    largest: int
    left_out: int
    reliability: dict[str, list[tuple[int, int, float]]] = field(default_factory=dict)


def measure(name: str, customers: pl.DataFrame) -> Measured:
    """Customers with their `person`, which no step before the judging sees."""
    began, cpu = time.perf_counter(), {}

    def step(of: str, since: float) -> float:
        cpu[of] = round(time.process_time() - since, 1)
        return time.process_time()

    now = time.process_time()
    standard = standardise(customers.drop("person"), DAY.date()).customers
    now = step("standardise", now)
    model = train(standard, DAY)
    now = step("train", now)
    found = candidates(standard, model)
    step("find", now)
    seconds = time.perf_counter() - began
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    return _judged(name, customers, standard, found, cpu, seconds, memory)


def _judged(
    name: str,
    customers: pl.DataFrame,
    standard: pl.DataFrame,
    found: Candidates,
    cpu: dict[str, float],
    seconds: float,
    memory: float,
) -> Measured:
    who = customers.select("source_system", "customer_code", "person").with_row_index("row")
    true_pairs = _pairs_within(who["person"])
    pairs = _with_truth(found.pairs, who)
    links = pairs.filter(pl.col("verdict") == "link")
    likely = pairs.filter(pl.col("score") >= 0.5)
    groups = _closed(likely, who.height)
    both = _pairs_within(pl.DataFrame([groups, who["person"]]).select(pl.struct(pl.all())).to_series())
    within = _pairs_within(groups)
    linked = _closed(links, who.height)
    per_brand = pl.DataFrame([linked, who["source_system"]]).group_by(pl.all()).len()["len"].max()
    return Measured(
        name=name,
        customers=who.height,
        true_pairs=true_pairs,
        links=Found(links["right"].mean(), links["right"].sum() / true_pairs),
        pairs=Found(likely["right"].mean(), likely["right"].sum() / true_pairs),
        clusters=Found(both / within, both / true_pairs),
        floor=_floor(standard, who, true_pairs),
        cpu=cpu,
        seconds=round(seconds, 1),
        memory=round(memory, 2),
        largest=int(per_brand),
        left_out=int(found.left_out["pairs"].sum()),
        reliability={
            "all pairs": _reliability(pairs),
            "pairs that the person rule lets pass": _reliability(
                pairs.filter(pl.col("reason") != "household")
            ),
        },
    )


def _with_truth(pairs: pl.DataFrame, who: pl.DataFrame) -> pl.DataFrame:
    for side in "ab":
        pairs = pairs.join(
            who.rename({name: f"{name}_{side}" for name in who.columns}),
            on=[f"source_system_{side}", f"customer_code_{side}"],
        )
    return pairs.with_columns(right=pl.col("person_a") == pl.col("person_b"))


def _pairs_within(groups: pl.Series) -> int:
    size = groups.value_counts()["count"].cast(pl.Int64)
    return int((size * (size - 1) // 2).sum())


def _closed(pairs: pl.DataFrame, rows: int) -> pl.Series:
    """The group of each row when all pairs are followed."""
    a, b = pairs["row_a"].to_numpy(), pairs["row_b"].to_numpy()
    graph = coo_array((np.ones(len(a), dtype=bool), (a, b)), shape=(rows, rows))
    return pl.Series("group", connected_components(graph, directed=False)[1])


def _floor(standard: pl.DataFrame, who: pl.DataFrame, true_pairs: int) -> Found:
    """Agreement by any of FIVE_EXACT_RULES, and nothing else."""
    rows = standard.join(who, on=["source_system", "customer_code"], maintain_order="left")
    agreeing = [
        rows.join(rows, on=list(rule), suffix="_b")
        .filter(pl.col("source_system") < pl.col("source_system_b"))
        .select("row", "row_b", right=pl.col("person") == pl.col("person_b"))
        for rule in FIVE_EXACT_RULES
    ]
    found = pl.concat(agreeing).unique()
    return Found(found["right"].mean(), found["right"].sum() / true_pairs)


def _reliability(pairs: pl.DataFrame) -> list[tuple[int, int, float]]:
    binned = [
        pairs.filter((pl.col("score") >= low) & ((pl.col("score") < high) | (high == 1.0)))
        for low, high in zip(EDGES[:-1], EDGES[1:], strict=True)
    ]
    return [
        (rows.height, int(rows["right"].sum()), float(rows["score"].mean())) for rows in binned if rows.height
    ]
