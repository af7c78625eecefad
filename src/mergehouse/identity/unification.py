"""What a run makes of customers' attributes: pairs that may be one person, and the registry of who is who."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Collection, Iterable
from functools import partial
from pathlib import Path

import polars as pl

from mergehouse.contracts.registry import contract_of
from mergehouse.contracts.types import frame_schema
from mergehouse.errors import ConfigError, ModelError
from mergehouse.identity import decisions, models
from mergehouse.identity.clusters import KEY, KNOWN_PAIR, Clusters, unite
from mergehouse.identity.decisions import PAIR, Decisions, read_decisions
from mergehouse.identity.extra import lacking_packages
from mergehouse.identity.findings import finding
from mergehouse.identity.model import LinkModel
from mergehouse.identity.registry import RESTORED, entries, forgotten
from mergehouse.identity.tables import ATTRIBUTES, CANDIDATES, REGISTRY, XREF
from mergehouse.identity.unsettled import chosen, read, unsettled
from mergehouse.json_text import json_text
from mergehouse.lakehouse.delta import Lakehouse
from mergehouse.lakehouse.reader import frame
from mergehouse.pipeline.computed import Request, Rows
from mergehouse.progress import Progress
from mergehouse.project.config import Project
from mergehouse.project.mapping_files import customer_pairs, identity_decisions

QUIET = ("new", "evidence")  # events that change no id
TELLING = [name for name in contract_of(ATTRIBUTES).columns if name not in (*KEY, "country")]
# the customers of whom anything but the country is told
TOLD = f"FROM {ATTRIBUTES} WHERE coalesce({', '.join(f'{name}::VARCHAR' for name in TELLING)}) IS NOT NULL"


def train_anew(project: Project, progress: Progress) -> tuple[Path, LinkModel]:
    """Trains a model on the attributes of the last run, and keeps it as the newest one.

    Raises ConfigError where no run has read any, FitError where they do not suffice.
    """
    from mergehouse.identity.attributes import standardise
    from mergehouse.identity.training import train

    lakehouse, now = Lakehouse(project.lakehouse_location), dt.datetime.now(dt.UTC)
    if not lakehouse.exists(ATTRIBUTES):
        raise ConfigError(
            f"There is no {ATTRIBUTES}. Declare `identity` in a brand.yml, give the attributes in"
            " customers.sql, then `mergehouse run`."
        )
    progress("attributes")
    standard = standardise(frame(lakehouse.reading(ATTRIBUTES).sql(TOLD)), now.date())
    progress("model")
    model = train(standard.customers, now, project.config.limits)
    return models.keep(project, model), model


def found_candidates(request: Request) -> Rows:
    """Pairs of customers to link or to look at. Without a model, or where fewer than two brands deliver
    attributes, there are none.
    """
    schema = frame_schema(contract_of(CANDIDATES).types)
    told, file = request.lakehouse.reading(ATTRIBUTES).sql(TOLD), models.newest(request.project)
    delivering = {name for (name,) in told.project("source_system").distinct().fetchall()}
    notes = _undelivered(request.project, delivering)
    if len(delivering) < 2 or file is None:
        if len(delivering) < 2:
            notes.append("fewer than two brands tell who their customers are: attributes link nobody")
        else:
            notes.append("no linkage model yet, so attributes link nobody; `mergehouse identity train`")
        return Rows(pl.DataFrame(schema=schema), notes=notes)
    if lacks := lacking_packages():
        raise ModelError(f"`{CANDIDATES}` cannot be computed: {lacks}.")
    from mergehouse.identity.attributes import standardise
    from mergehouse.identity.linkage import candidates as compared

    request.progress("identity: attributes")
    standard = standardise(frame(told), request.now.date())
    request.progress("identity: pairs")
    try:
        found = compared(standard.customers, models.read_model(file), request.project.config.limits)
    except ConfigError as error:
        raise ConfigError(f"{error}{_constant(standard.emptied)}") from None
    evidence = pl.Series([json_text(levels) for levels in found.pairs["evidence"].to_list()], dtype=pl.String)
    pairs = found.pairs.with_columns(evidence.alias("evidence")).select(
        *(pl.col(name).cast(kind) for name, kind in schema.items())
    )
    checks = [
        finding(
            CANDIDATES,
            "attributes_are_usable",
            standard.emptied,
            "A value identifies nobody: a placeholder, unreadable, or shared by many. It is taken for empty.",
            "customers",
        ),
        finding(
            CANDIDATES,
            "keys_are_compared",
            found.left_out,
            "So many customers share a value that it tells nobody apart: they are not compared by it.",
            "customers",
        ),
    ]
    return Rows(pairs, checks, notes=[*notes, f"customers are linked by {file.name}"])


def _constant(emptied: pl.DataFrame) -> str:
    """Which attributes the customers lack though they are delivered; empty where there are none."""
    rows = emptied.filter(pl.col("reason") == "constant").sort("attribute", "source_system")
    values = [
        f"{row['attribute']} of {row['source_system']} ({row['customers']:,} customers)"
        for row in rows.to_dicts()
    ]
    return f" Taken for empty, as most customers have the same: {', '.join(values)}." if values else ""


def continued_registry(request: Request) -> Rows:
    """The registry with what this run adds: who is one customer, by which evidence, and under which id."""
    lakehouse, project = request.lakehouse, request.project
    decided = read_decisions(identity_decisions(project))
    evidence = _evidence(lakehouse, decided, customer_pairs(project), project.brands)
    pairs = [evidence, decided.different]
    ends = [
        pair.select(pl.col(PAIR[n]).alias(KEY[0]), pl.col(PAIR[n + 1]).alias(KEY[1]))
        for pair in pairs
        for n in (0, 2)
    ]
    found = unsettled(lakehouse, pl.concat(ends))
    again = forgotten(found.registry, found.unknown, request.now, found.last_entry)
    clusters = unite(found.members, evidence, decided.different)
    before = pl.concat([found.registry, again.select(found.registry.columns)])
    added = entries(before, clusters.members, request.now, found.last_entry)
    refused = clusters.refused.filter(pl.col("method") != decisions.DECISION)
    restored = again.filter(event=RESTORED)
    checks = [
        *decisions.checks(decided, clusters.refused, clusters.members, REGISTRY),
        finding(
            REGISTRY,
            "links_can_be_followed",
            refused.select(*PAIR, "method"),
            "Evidence that two customers are one does not count: somebody decided that they, or others that"
            " are the same as they, are different, or two numbers of one brand would become one customer.",
        ),
        finding(
            REGISTRY,
            "registry_is_whole",
            restored.select(*KEY, "customer_id"),
            f"The registry had forgotten ids that customers have in {XREF}: it is of an earlier time. They"
            " keep these ids, which are entered again; merges and splits since then are not told.",
        ),
    ]
    rest = partial(_registry, lakehouse) if lakehouse.exists(REGISTRY) else None
    return Rows(pl.concat([again, added]), checks, notes=list(_notes(clusters, added)), rest=rest)


def _evidence(
    lakehouse: Lakehouse,
    decided: Decisions,
    pairs: tuple[list[str], list[list[str | None]]],
    brands: Collection[str],
) -> pl.DataFrame:
    """Of all kinds, for `unite`; of known pairs those of `brands`."""
    columns, rows = pairs
    known = pl.DataFrame(rows, dict.fromkeys(columns, pl.String), orient="row").select(
        source_system_a="source_system",
        customer_code_a="source_customer_id",
        source_system_b="other_source_system",
        customer_code_b="other_source_customer_id",
        method=pl.lit(KNOWN_PAIR),
    )
    known = known.filter(pl.col("source_system_b").is_in(list(brands)))
    there = [CANDIDATES] if lakehouse.exists(CANDIDATES) else []
    candidates = chosen(lakehouse, CANDIDATES, (*PAIR, "method", "score", "verdict"))
    links = f"SELECT * EXCLUDE (verdict) FROM ({candidates}) WHERE verdict = 'link'"
    linked = read(lakehouse.reading(*there), links, CANDIDATES)
    found = linked.with_columns(pl.col("score").cast(pl.Float64))
    evidence = pl.concat([decided.same.cast({"rank": pl.Int64}), known, found], how="diagonal")
    return evidence.with_columns(pl.col("rank").fill_null(0))


def _undelivered(project: Project, delivering: Collection[str]) -> list[str]:
    """Of each brand that declares attributes and delivers none, that it does so."""
    return [
        f"{project.labels[name]}: no customer is delivered with any of the attributes that brand.yml declares"
        for name, brand in project.brands.items()
        if brand.identity and name not in delivering
    ]


def _registry(lakehouse: Lakehouse) -> pl.DataFrame:
    kinds = frame_schema(contract_of(REGISTRY).types)
    return frame(lakehouse.reading(REGISTRY).sql(chosen(lakehouse, REGISTRY, kinds))).cast(pl.Schema(kinds))


def _notes(clusters: Clusters, added: pl.DataFrame) -> Iterable[str]:
    united = clusters.members.filter(pl.len().over("cluster") > 1)
    if united.height:
        told = ", ".join(f"{n:,} by {method.replace('_', ' ')}" for method, n in _counted(united["method"]))
        yield f"{united.height:,} customer numbers are {united['cluster'].n_unique():,} customers: {told}"
    if told := ", ".join(f"{n:,} {event}" for event, n in _counted(added["event"]) if event not in QUIET):
        yield f"entered: {told}"


def _counted(values: pl.Series) -> list[tuple[str, int]]:
    return sorted(Counter(values.to_list()).items())
