"""The registry of unified customers: who was given which id, when, and why. It is only added to.

An id is the number of the customer whom it was first given to, and means nothing else. A cluster keeps the id
that most of its members had, of two the older; the larger part of one that falls apart keeps it, too. An id
is never given to anybody else: who is parted from others gets back the one of before, or a new one.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection

import polars as pl

from mergehouse.contracts.registry import contract_of
from mergehouse.contracts.types import frame_schema
from mergehouse.identity.clusters import KEY, KNOWN_PAIR, OWN
from mergehouse.identity.tables import REGISTRY

SCHEMA = frame_schema(contract_of(REGISTRY).types)
GONE, RESTORED = "gone", "restored"  # events
DIGITS = 4  # of a score
COUNTED = "~"
NEW_NUMBER = f"{{}}{COUNTED}{{}}"  # an id, where that of every member is somebody else's


def entries(
    registry: pl.DataFrame, members: pl.DataFrame, now: dt.datetime, last_entry: int = 0
) -> pl.DataFrame:
    """The rows that a run adds to the `registry`, none where nothing has changed.

    Of both frames those may be left out who are customers of their own as they always were; then
    `last_entry` is that of all (see identity/unsettled.py).
    `members` are those of all clusters there are: KEY, `cluster`, `method`, `score`. Both frames may
    have any order: the rows, `now` aside, follow from what is in them.

    >>> members = pl.DataFrame({"source_system": ["b", "a"], "customer_code": ["9", "1"]})
    >>> members = members.with_columns(cluster=0, method=pl.lit("exact"), score=0.99)
    >>> added = entries(pl.DataFrame(schema=SCHEMA), members, dt.datetime(2026, 1, 31, tzinfo=dt.UTC))
    >>> added.select("customer_code", "customer_id", "event").rows()
    [('1', 'a:1', 'new'), ('9', 'a:1', 'new')]
    >>> entries(added, members, dt.datetime(2026, 2, 28, tzinfo=dt.UTC)).height
    0
    """
    last = latest(registry).select(
        *KEY, previous_id="customer_id", known="method", sure="score", before="event"
    )
    there = last.filter(pl.col("before") != GONE)
    known = members.join(last, on=KEY, how="left").with_columns(
        pl.col("score").round(DIGITS),
        own=pl.format("{}:{}", *KEY),
        held=pl.when(pl.col("before") != GONE).then("previous_id"),
    )
    named = known.join(_names(known, registry), on="cluster").with_columns(event=_event(there))
    is_told = (
        (pl.col("held") == pl.col("customer_id"))
        & (pl.col("known") == pl.col("method"))
        & pl.col("sure").eq_missing(pl.col("score"))
    )
    told = named.filter(~is_told.fill_null(False))
    gone = there.join(members, on=KEY, how="anti").with_columns(
        customer_id="previous_id", method=pl.lit(OWN), score=pl.lit(None, pl.Float64), event=pl.lit(GONE)
    )
    columns = [*KEY, "customer_id", "method", "score", "event", "previous_id"]
    return _rows(
        pl.concat([told.select(columns), gone.select(columns)], how="vertical_relaxed"),
        registry,
        now,
        last_entry,
    )


def latest(registry: pl.DataFrame) -> pl.DataFrame:
    """The last row of each member."""
    last = registry.sort("entry", descending=True).unique(KEY, keep="first", maintain_order=True)
    return last.with_columns(pl.col("score").cast(pl.Float64).round(DIGITS))


def forgotten(
    registry: pl.DataFrame, published: pl.DataFrame, now: dt.datetime, last_entry: int = 0
) -> pl.DataFrame:
    """Rows for the ids of `published` customers (KEY, customer_id, method, score) that the registry
    does not know, all as `new` but those of members that it does know: these it has forgotten, as it is of an
    earlier time.
    """
    unknown = published.join(registry.select(*KEY, "customer_id"), on=[*KEY, "customer_id"], how="anti")
    before = latest(registry).select(*KEY, previous_id="customer_id")
    is_own = (pl.col("customer_id") == pl.format("{}:{}", *KEY)) & (pl.col("method") == OWN)
    is_new = pl.col("previous_id").is_null() & (is_own | (pl.col("method") == KNOWN_PAIR))
    event = pl.when(is_new).then(pl.lit("new")).otherwise(pl.lit(RESTORED))
    told = unknown.join(before, on=KEY, how="left").with_columns(event=event)
    return _rows(told, registry, now, last_entry)


def _rows(told: pl.DataFrame, registry: pl.DataFrame, now: dt.datetime, last_entry: int) -> pl.DataFrame:
    number = 1 + max(last_entry, int(registry["entry"].max() or 0))  # type: ignore[arg-type]
    numbered = told.with_columns(entry=pl.lit(number), recorded_at=pl.lit(now, pl.Datetime("us", "UTC")))
    return numbered.select(*(pl.col(name).cast(kind) for name, kind in SCHEMA.items())).sort(KEY)


def _names(known: pl.DataFrame, registry: pl.DataFrame) -> pl.DataFrame:
    """The customer_id of each cluster."""
    founded = registry.group_by("customer_id").agg(pl.min("entry").alias("since"))
    claims = (
        known.filter(pl.col("held").is_not_null())
        .group_by("cluster", customer_id="held")
        .agg(pl.len().alias("votes"), (pl.col("own") == pl.col("held")).any().alias("founder"), pl.min("own"))
        .join(founded, on="customer_id")
        .sort("votes", "since", "customer_id", "founder", "own", descending=[True, False, False, True, False])
    )
    alone = (pl.len().over("cluster") == 1) & (pl.len().over("customer_id") == 1)
    kept = claims.filter(alone).select("cluster", "customer_id")
    disputed = claims.filter(~alone).select("cluster", "customer_id").iter_rows()
    taken, ids = set[int](), set[str]()
    granted: list[tuple[int, str]] = []
    for cluster, customer in disputed:
        if cluster not in taken and customer not in ids:
            taken.add(cluster)
            ids.add(customer)
            granted.append((cluster, customer))
    names = pl.concat([kept, pl.DataFrame(granted, kept.schema, orient="row")])
    nameless = known.join(names, on="cluster", how="anti").sort("own")
    return pl.concat([names, _new_names(nameless, names, known, registry)])


def _new_names(
    nameless: pl.DataFrame, names: pl.DataFrame, known: pl.DataFrame, registry: pl.DataFrame
) -> pl.DataFrame:
    """For each cluster without an id the first of its members' own ones that is nobody else's."""
    ids = registry.select("customer_id").unique()
    founders = registry.filter(pl.format("{}:{}", *KEY) == pl.col("customer_id")).select("customer_id")
    of_others = ids.join(founders, on="customer_id", how="anti")
    taken = pl.concat([names.select("customer_id"), of_others])
    free = nameless.join(taken, left_on="own", right_on="customer_id", how="anti", maintain_order="left")
    chosen = free.unique("cluster", keep="first", maintain_order=True).select("cluster", customer_id="own")
    rest = nameless.join(chosen, on="cluster", how="anti").unique(
        "cluster", keep="first", maintain_order=True
    )
    used = {*registry["customer_id"], *known["own"]} if rest.height else set[str]()
    minted = [(cluster, _unused(own, used)) for cluster, own in rest.select("cluster", "own").iter_rows()]
    return pl.concat([chosen, pl.DataFrame(minted, chosen.schema, orient="row")])


def _unused(own: str, used: Collection[str]) -> str:
    number = 2
    while (name := NEW_NUMBER.format(own, number)) in used:
        number += 1
    return name


def _event(there: pl.DataFrame) -> pl.Expr:
    """What became of a member, by who had which id before and who has it now."""
    had = there["previous_id"].unique().implode()
    is_left = ~pl.col("held").is_in(pl.col("customer_id").unique().implode())
    return (
        pl.when(pl.col("before").is_null())
        .then(pl.lit("new"))
        .when(pl.col("held").is_null())
        .then(pl.lit("back"))
        .when(pl.col("held") == pl.col("customer_id"))
        .then(pl.lit("evidence"))
        .when(is_left)
        .then(pl.lit("merge"))
        .when(pl.col("customer_id").is_in(had))
        .then(pl.lit("move"))
        .otherwise(pl.lit("split"))
    )
