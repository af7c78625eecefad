"""The audit trail of promotions: a table of the target that Delta keeps from being changed, one row for each
step of each attempt.
"""

from __future__ import annotations

import datetime as dt
import getpass
import json
from dataclasses import dataclass
from typing import Any

from mergehouse.contracts.registry import contract_of
from mergehouse.lakehouse.delta import Lakehouse
from mergehouse.lakehouse.writing import append_rows
from mergehouse.release.promote.gates import Gate

PROMOTIONS = "monitor.promotions"


@dataclass
class Promotion:
    """One attempt. `action` is promote or rollback; `previous` the version that the target had."""

    action: str
    source: str
    target: str
    version: str | None
    manifest_sha256: str
    approved_by: str
    note: str
    previous: str | None
    gates: list[Gate]

    @property
    def refused_by(self) -> Gate | None:
        return next((found for found in self.gates if not found.passed), None)

    @property
    def accepted(self) -> bool:
        return self.refused_by is None

    def as_json(self) -> dict[str, Any]:
        refused = self.refused_by
        words = {
            "accepted": self.accepted,
            "refused_by": refused.name if refused else None,
            "reason": refused.found if refused else None,
        }
        return (
            {name: value for name, value in vars(self).items() if name != "gates"}
            | words
            | {"gates": self.gates}
        )


def record(lakehouse: Lakehouse, attempt: Promotion, outcome: str) -> None:
    """Adds an attempt to the audit trail: `started`, `accepted` or `refused`."""
    now, refused = dt.datetime.now(dt.UTC), attempt.refused_by
    row = [
        now, attempt.action, attempt.source, attempt.target, attempt.version, attempt.manifest_sha256,
        outcome, refused.name if refused else None, refused.found if refused else None,
        attempt.approved_by or None, now if attempt.approved_by and attempt.note else None,
        attempt.note or None, _user(), attempt.previous, json.dumps([vars(found) for found in attempt.gates]),
    ]  # fmt: skip
    append_rows(lakehouse, contract_of(PROMOTIONS), [row])


def promotions(lakehouse: Lakehouse) -> list[dict[str, Any]]:
    """The audit trail of an environment's lakehouse, oldest first: all of it, published with a set or not."""
    newest = Lakehouse(lakehouse.location, newest=True)
    if not newest.exists(PROMOTIONS):
        return []
    return newest.table(PROMOTIONS).polars().sort("recorded_ts", maintain_order=True).to_dicts()


def taken_releases(trail: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The releases that an environment has taken and not gone back from, the current one last."""
    taken: list[dict[str, Any]] = []
    for row in (row for row in trail if row["outcome"] == "accepted"):
        if row["action"] == "rollback":
            taken = taken[:-1]
        elif not taken or taken[-1]["manifest_sha256"] != row["manifest_sha256"]:
            taken.append(row)
    return taken


def _user() -> str | None:
    """Who runs it, as far as this machine knows."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return None
