"""Findings that stand: what was found of a table when it was last built. Later runs, which leave it as it is,
do not look again, and say it all the same. A note keeps it.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from mergehouse.lakehouse.delta import Lakehouse
from mergehouse.quality.checks import CheckResult
from mergehouse.storage import storage_errors

KEPT = "monitor/standing.json"
Standing = dict[str, list[CheckResult]]  # by what they are about


def standing(lakehouse: Lakehouse) -> Standing:
    """What does not hold of tables and of brands' fields, since they were last looked at.

    >>> {about: [finding.check for finding in found] for about, found in standing(mh.open("shop")).items()}
    {'silver.sales_clean': ['category_is_mapped']}
    """
    try:
        note = json.loads(lakehouse.content(KEPT) or b"{}")
        return {about: [CheckResult(**finding) for finding in found] for about, found in note.items()}
    except (ValueError, TypeError, AttributeError):
        return {}


def keep_standing(
    lakehouse: Lakehouse, before: Standing, looked_at: Collection[str], checks: Iterable[CheckResult]
) -> None:
    """Notes what stands from now on: of what was looked at the findings among `checks`, else what stood."""
    now: dict[str, list[Mapping[str, Any]]] = {
        about: [vars(finding) for finding in found]
        for about, found in before.items()
        if about not in looked_at
    }
    for check in checks:
        if check.table in looked_at and not check.passed:
            now.setdefault(check.table, []).append(vars(check))
    with storage_errors(lakehouse.location):
        lakehouse.store.put(KEPT, json.dumps(now, default=str).encode())
