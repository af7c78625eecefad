"""What changed between two releases, and the version number that it asks for."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mergehouse.errors import MergehouseError
from mergehouse.release.manifest.version import LEVELS, Change, Level, Version

if TYPE_CHECKING:
    from mergehouse.release.manifest.manifest import KpiTotals, Manifest, ReleasedColumn, ReleasedTable


def propose(
    previous: Manifest | None, tables: list[ReleasedTable], kpis: list[KpiTotals]
) -> tuple[Version, list[Change]]:
    """The version that the difference to the last release asks for, and the differences, gravest first.

    >>> manifest = mh.verify("release").manifest
    >>> version, found = propose(manifest, manifest.tables[1:], manifest.kpis)
    >>> str(version), found[0].what, found[0].how
    ('2.0.0', 'gold.category_perf', 'is gone')
    >>> str(propose(manifest, manifest.tables, manifest.kpis)[0])
    '1.0.1'
    """
    if previous is None:
        return Version(1, 0, 0), []
    found = changes(previous, tables, kpis)
    return previous.number.next(found[0].level if found else "patch"), found


def accept(chosen: Version, previous: Manifest | None, found: list[Change], said: bool) -> None:
    """Raises MergehouseError where a version is not above the last one or promises more than the changes
    keep, and where readers would break without anybody having `said` the version.

    >>> manifest = mh.verify("release").manifest
    >>> accept(Version(1, 0, 1), manifest, [], said=False)
    >>> accept(Version(1, 0, 0), manifest, [], said=True)
    Traceback (most recent call last):
    mergehouse.errors.MergehouseError: version 1.0.0: the last release is 1.0.0; a version is ...
    """
    if previous is None:
        return
    last = previous.number
    if chosen <= last:
        raise MergehouseError(
            f"version {chosen}: the last release is {last}; a version is released once, and the next one is"
            " higher."
        )
    needed = found[0].level if found else "patch"
    if chosen >= last.next(needed) and (said or needed != "major"):
        return
    named = "; ".join(f"{change.what} {change.how}" for change in found if change.level == needed)
    kind = "would break readers" if needed == "major" else "has more"
    raise MergehouseError(
        f"version {chosen}: the release {kind} compared with {last} ({named}). It needs a {needed} version:"
        f" --version {last.next(needed)}, or what is missing put back."
        if needed == "major"
        else (
            f"version {chosen}: the release {kind} than {last} ({named}). It needs a {needed} version:"
            f" --version {last.next(needed)}."
        )
    )


def changes(previous: Manifest, tables: list[ReleasedTable], kpis: list[KpiTotals]) -> list[Change]:
    """Every difference between the schemas and KPI definitions of two releases, gravest first.

    >>> manifest = mh.verify("release").manifest
    >>> changes(manifest, manifest.tables, manifest.kpis)
    []
    >>> [(change.level, change.what) for change in changes(manifest, manifest.tables, manifest.kpis[1:])]
    [('major', 'KPI gmv')]
    """
    now = {table.name: table for table in tables}
    then = {table.name: table for table in previous.tables}
    found = [Change(level="major", what=name, how="is gone") for name in then if name not in now]
    found += [Change(level="minor", what=name, how="is new") for name in now if name not in then]
    for name in then:
        if name in now:
            found += _table_changes(then[name], now[name])
    found += _kpi_changes({k.name: k for k in previous.kpis}, {k.name: k for k in kpis})
    return sorted(found, key=lambda change: LEVELS.index(change.level))


def _table_changes(then: ReleasedTable, now: ReleasedTable) -> list[Change]:
    found: list[Change] = []

    def add(level: Level, what: str, how: str) -> None:
        found.append(Change(level=level, what=what, how=how))

    before, after = {c.name: c for c in then.columns}, {c.name: c for c in now.columns}
    for name in before:
        if name not in after:
            add("major", f"{then.name}.{name}", "is gone")
    for name in after:
        if name not in before:
            add("minor", f"{now.name}.{name}", "is new")
        else:
            found += _column_changes(f"{now.name}.{name}", before[name], after[name])
    if then.key != now.key:
        add("major", now.name, f"has the key ({', '.join(now.key)}) instead of ({', '.join(then.key)})")
    kept = [name for name in after if name in before]
    if kept != [name for name in before if name in after]:
        add("minor", now.name, "has its columns in another order")
    if then.partition_by != now.partition_by:
        add(
            "minor",
            now.name,
            f"is partitioned by ({', '.join(now.partition_by)}) instead of ({', '.join(then.partition_by)})",
        )
    if then.mode != now.mode:
        add("minor", now.name, f"is delivered by {now.mode} instead of {then.mode}")
    return found


def _column_changes(name: str, then: ReleasedColumn, now: ReleasedColumn) -> list[Change]:
    found = []
    if then.type != now.type:
        level: Level = "minor" if widens(then.type, now.type) else "major"
        found.append(Change(level=level, what=name, how=f"is {now.type} instead of {then.type}"))
    if then.nullable != now.nullable:
        words = "may be empty now" if now.nullable else "may no longer be empty"
        found.append(Change(level="minor" if now.nullable else "major", what=name, how=words))
    if then.unit != now.unit:
        found.append(
            Change(
                level="major",
                what=name,
                how=f"is in {now.unit or 'no unit'} instead of {then.unit or 'no unit'}",
            )
        )
    if then.pii != now.pii:
        found.append(Change(level="minor", what=name, how=f"is tagged {now.pii} instead of {then.pii}"))
    return found


def _kpi_changes(then: dict[str, KpiTotals], now: dict[str, KpiTotals]) -> list[Change]:
    found = [Change(level="major", what=f"KPI {name}", how="is gone") for name in then if name not in now]
    found += [Change(level="minor", what=f"KPI {name}", how="is new") for name in now if name not in then]
    for name in then:
        if name in now and _definition(then[name]) != _definition(now[name]):
            found.append(
                Change(
                    level="major",
                    what=f"KPI {name}",
                    how=f"is {now[name].formula} instead of {then[name].formula}",
                )
            )
    return found


def _definition(kpi: KpiTotals) -> tuple:
    return kpi.table, kpi.sum, kpi.count_distinct, kpi.where, kpi.ratio, kpi.unit


def widens(then: str, now: str) -> bool:
    """True where every value of the one type is one of the other: int -> bigint, decimal(9,2) ->
    decimal(18,2).

    >>> widens("int", "bigint"), widens("bigint", "int")
    (True, False)
    >>> widens("decimal(9,2)", "decimal(18,2)"), widens("decimal(18,2)", "decimal(18,4)")
    (True, False)
    """
    digits = {"int": (10, 0), "bigint": (19, 0)}
    before, after = _decimal(then) or digits.get(then), _decimal(now)
    if (then, now) == ("int", "bigint"):
        return True
    if before is None or after is None:
        return False
    return after[0] - after[1] >= before[0] - before[1] and after[1] >= before[1]


def _decimal(kind: str) -> tuple[int, int] | None:
    found = re.fullmatch(r"decimal\((\d+),(\d+)\)", kind)
    return (int(found[1]), int(found[2])) if found else None
