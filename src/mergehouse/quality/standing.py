"""Findings that stand: what was found of a table when it was last built. Later runs, which leave it as it is,
do not look again, and say it all the same. A note keeps it, and as what each table was published then: of a
table that is published as something else, since a run died before it took note, or that a note which cannot
be read does not name, nothing is known, and the next run looks again.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from mergehouse.lakehouse.delta import Lakehouse
from mergehouse.lakehouse.files import Stamp
from mergehouse.quality.checks import CheckResult
from mergehouse.storage import storage_errors

KEPT = "monitor/standing.json"


@dataclass(frozen=True)
class Standing:
    """`findings` by what they are about, tables and fields of brands, and the stamps that tables had when
    they were `looked_at`.
    """

    findings: dict[str, list[CheckResult]] = field(default_factory=dict)
    looked_at: dict[str, str] = field(default_factory=dict)

    def knows(self, table: str, stamp: Stamp | None) -> bool:
        """True where the table was looked at as it is published now.

        >>> Standing(looked_at={"gold.dim_brand": Stamp("f1").as_json()}).knows("gold.dim_brand", Stamp("f2"))
        False
        """
        return stamp is not None and self.looked_at.get(table) == stamp.as_json()


def standing(lakehouse: Lakehouse) -> Standing:
    """What does not hold of tables and of brands' fields, since they were last looked at.

    >>> found = standing(mh.open("shop")).findings
    >>> {about: [finding.check for finding in checks] for about, checks in found.items()}
    {'silver.sales_clean': ['category_is_mapped']}
    """
    try:
        note = json.loads(lakehouse.content(KEPT) or b"")
        looked_at = {str(table): str(stamp) for table, stamp in note["looked_at"].items()}
        found = note["findings"].items()
        return Standing(
            {about: [CheckResult(**check) for check in checks] for about, checks in found}, looked_at
        )
    except (ValueError, TypeError, KeyError, AttributeError):
        return Standing()


def keep_standing(
    lakehouse: Lakehouse, before: Standing, looked_at: Collection[str], checks: Iterable[CheckResult]
) -> None:
    """Notes what stands from now on: of what was looked at the findings among `checks`, else what stood."""
    now: dict[str, list[Mapping[str, Any]]] = {
        about: [vars(finding) for finding in found]
        for about, found in before.findings.items()
        if about not in looked_at
    }
    for check in checks:
        if check.table in looked_at and not check.passed:
            now.setdefault(check.table, []).append(vars(check))
    stamps = {about: stamp.as_json() for about in looked_at if (stamp := lakehouse.stamp(about))}
    note = {"looked_at": before.looked_at | stamps, "findings": now}
    with storage_errors(lakehouse.location):
        lakehouse.store.put(KEPT, json.dumps(note, default=str).encode())
