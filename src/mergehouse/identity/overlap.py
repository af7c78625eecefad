"""How many customers brands share, by how that is known."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from mergehouse.identity import models
from mergehouse.identity.tables import ATTRIBUTES, CANDIDATES, XREF
from mergehouse.lakehouse.delta import Lakehouse
from mergehouse.project.config import Project


@dataclass(frozen=True)
class Overlap:
    """`declared` has the identity attributes of each brand, `delivered` how many of its customers have each;
    `united` how many customer numbers are joined to others, by method, `shared` how many customers have
    numbers of several brands. `pairs` are those for review. `model` is the file of the newest one.
    """

    declared: dict[str, list[str]]
    delivered: dict[str, dict[str, int]]
    model: Path | None
    united: dict[str, int]
    shared: int
    pairs: int


def overlap(project: Project, lakehouse: Lakehouse) -> Overlap:
    """As the last run left it.

    >>> overlap(mh.project("shop"), mh.open("shop"))
    Overlap(declared={'shop': []}, delivered={}, model=None, united={}, shared=0, pairs=0)
    """
    declared: dict[str, list[str]] = {name: [*brand.identity] for name, brand in project.brands.items()}
    delivered: dict[str, dict[str, int]] = {}
    if lakehouse.exists(ATTRIBUTES):
        for name, attributes in declared.items():
            if attributes:
                counts = ", ".join(f"count({attribute})" for attribute in attributes)
                of_brand = f"SELECT {counts} FROM {ATTRIBUTES} WHERE source_system = '{name}'"
                found = lakehouse.query(of_brand).fetchall()[0]
                delivered[name] = dict(zip(attributes, found, strict=True))
    united, shared, pairs = dict[str, int](), 0, 0
    if lakehouse.exists(XREF):
        of_several = f"SELECT customer_id FROM {XREF} GROUP BY ALL HAVING count(*) > 1"
        joined = f"FROM {XREF} SEMI JOIN ({of_several}) USING (customer_id) WHERE method <> 'own'"
        methods = f"SELECT method, count(*) {joined} GROUP BY ALL ORDER BY ALL"
        united = dict(lakehouse.query(methods).fetchall())
        several = f"FROM {XREF} GROUP BY customer_id HAVING count(DISTINCT source_system) > 1"
        shared = len(lakehouse.query(f"SELECT customer_id {several}").fetchall())
    if lakehouse.exists(CANDIDATES):
        for_review = f"SELECT count(*) FROM {CANDIDATES} WHERE verdict = 'review'"
        pairs = lakehouse.query(for_review).fetchall()[0][0]
    return Overlap(declared, delivered, models.newest(project), united, shared, pairs)
