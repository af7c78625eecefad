"""Pairs of customers that wait for somebody to decide, and what they decide: a row of
`mappings/identity_decisions.csv`.
"""

from __future__ import annotations

import csv
import datetime as dt
import fcntl
import io
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import polars as pl

from mergehouse.errors import ConfigError
from mergehouse.identity.clusters import KEY
from mergehouse.identity.decisions import PAIR, read_decisions
from mergehouse.identity.tables import ATTRIBUTES, CANDIDATES
from mergehouse.lakehouse.delta import Lakehouse
from mergehouse.lakehouse.reader import frame
from mergehouse.machine import unwritable
from mergehouse.project.brand import IdentityAttribute
from mergehouse.project.config import Project
from mergehouse.project.known_pairs import DECISION_COLUMNS, DECISIONS
from mergehouse.project.mapping_files import mapping_tables
from mergehouse.project.text_file import read_text

Decision = Literal["same", "different"]
TOLD: tuple[str, ...] = get_args(IdentityAttribute)


@dataclass(frozen=True)
class Waiting:
    """A pair that nobody has decided yet: both customers, `score` (none without a model), why it waits, and
    the `evidence`, for each comparison the level of agreement and its weight in bits. `records` has what each
    of the two brands tells, by attribute: personal data.
    """

    pair: tuple[str, str, str, str]
    score: float | None
    reason: str
    evidence: list[dict[str, Any]]
    records: dict[str, tuple[str | None, str | None]]


def waiting(project: Project, lakehouse: Lakehouse) -> list[Waiting]:
    """The pairs for review, the surest first. Raises ConfigError where no run has looked for any.

    >>> waiting(mh.project("shop"), mh.open("shop"))
    Traceback (most recent call last):
    mergehouse.errors.ConfigError: No brand declares `identity` in its brand.yml: there is nothing to review.
    """
    if not any(brand.identity for brand in project.brands.values()):
        raise ConfigError("No brand declares `identity` in its brand.yml: there is nothing to review.")
    if not lakehouse.exists(CANDIDATES):
        raise ConfigError(f"There is no {CANDIDATES} yet. `mergehouse run` makes it.")
    pairs = frame(lakehouse.query(f"SELECT * FROM {CANDIDATES} WHERE verdict = 'review'"))
    customers = lakehouse.table(ATTRIBUTES).polars()
    for side, keys in (("a", PAIR[:2]), ("b", PAIR[2:])):
        told = customers.select(*KEY, *(pl.col(name).alias(f"{name}_{side}") for name in TOLD))
        pairs = pairs.join(told, left_on=keys, right_on=KEY)
    surest_first = pairs.sort(-pl.col("score").cast(pl.Float64).fill_null(0), *PAIR)
    undecided = surest_first.join(decided(project), on=PAIR, how="anti", maintain_order="left")
    return [waiting_pair(row) for row in undecided.to_dicts()]


def waiting_pair(row: Mapping[str, Any]) -> Waiting:
    """From a row of the candidates with what the two brands tell, each attribute as `<attribute>_a` and
    `<attribute>_b`.

    >>> row = dict.fromkeys(f"{name}_{side}" for name in TOLD for side in "ab")
    >>> row |= dict(zip(PAIR, ("shop", "77", "other", "A1"))) | {"first_name_a": "Ana", "first_name_b": None}
    >>> waiting_pair(row | {"score": None, "reason": "not_mutual", "evidence": "[]"}).records
    {'first_name': ('Ana', None)}
    """
    one, two, three, four = (row[name] for name in PAIR)
    records = {name: (row[f"{name}_a"], row[f"{name}_b"]) for name in TOLD}
    score = None if row["score"] is None else float(row["score"])
    told = {name: both for name, both in records.items() if any(both)}
    return Waiting((one, two, three, four), score, row["reason"], json.loads(row["evidence"]), told)


def decided(project: Project) -> pl.DataFrame:
    """The decision that counts of each pair: PAIR, `decision`, `decided_by` and `decided_at`.

    >>> decided(mh.project("shop")).height
    0
    """
    rows = read_decisions(mapping_tables(project)["identity_decisions"]).counted
    return rows.select(*PAIR, "decision", "decided_by", "decided_at")


def decide(
    project: Project,
    pair: tuple[str, str, str, str],
    decision: Decision,
    decided_by: str,
    now: dt.datetime,
    why: str = "",
) -> None:
    """Adds a row to the decisions, whole or not at all, one after the other; the next run follows it.

    >>> pair, now = ("shop", "77", "other", "A1"), dt.datetime(2026, 1, 31, 9, 30, tzinfo=dt.UTC)
    >>> file = mh.project("shop").mappings_folder / DECISIONS
    >>> decide(mh.project("shop"), pair, "same", "me", now)
    >>> print(file.read_text().splitlines()[-1])
    shop,77,other,A1,same,me,2026-01-31T09:30:00Z,
    >>> file.unlink()
    """
    file = project.mappings_folder / DECISIONS
    row = io.StringIO()
    instant = now.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    csv.writer(row, lineterminator="\n").writerow([*pair, decision, decided_by, instant, why])
    unfinished = file.with_suffix(".unfinished")
    try:
        with _alone(file.parent):
            before = read_text(file) if file.exists() else ",".join(DECISION_COLUMNS)
            unfinished.write_text(f"{before.rstrip()}\n{row.getvalue()}", encoding="utf-8")
            unfinished.replace(file)
    except OSError as error:
        raise ConfigError(unwritable(file, error)) from None


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """One at a time writes: a terminal and the processes of the dashboards may, at once. The folder itself is
    locked, so that no file for it is left among the mappings.
    """
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
