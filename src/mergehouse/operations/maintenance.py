"""Care of published tables: small files made large, old files removed, the log made short. Readers go on
undisturbed.
"""

from __future__ import annotations

from dataclasses import dataclass

from mergehouse.contracts.registry import find
from mergehouse.errors import MergehouseError
from mergehouse.lakehouse.delta import Lakehouse
from mergehouse.lakehouse.published import published_versions, republishing
from mergehouse.lakehouse.retention import let_go
from mergehouse.lakehouse.upkeep import compact, vacuum
from mergehouse.progress import Progress, silent

SAFE_HOURS = 168  # Delta's own default: a reader or a run of the last seven days finds its files
ANY_SIZE = 1e9  # times what a table takes


@dataclass(frozen=True)
class Maintained:
    """What was done to one table: files before and after, files removed for good, bytes these held."""

    table: str
    files_before: int
    files_after: int
    removed: int
    removed_bytes: int
    version: int


def maintain(
    lakehouse: Lakehouse,
    keep_hours: int = SAFE_HOURS,
    force: bool = False,
    progress: Progress = silent,
) -> list[Maintained]:
    """Compacts, orders and vacuums every table and writes a checkpoint of its log.

    Tables whose contract names `z_order` are laid out by those columns. Files that no version of the last
    `keep_hours` hours names are removed; time travel reaches as far back. Raises MergehouseError on less than
    a week without `force`.
    """
    if keep_hours < SAFE_HOURS and not force:
        raise MergehouseError(
            f"--keep-hours {keep_hours}: less than {SAFE_HOURS} hours removes files that a reader or a run at"
            " work may still need. Add --force if nothing reads the lakehouse now."
        )
    tables = lakehouse.tables()
    files, removed = {}, {}
    with republishing(lakehouse):
        for name in tables:
            progress(name)
            contract = find(name)
            files[name] = compact(lakehouse, name, contract.z_order if contract else [])
    seen = published_versions(lakehouse) or {}
    with republishing(lakehouse):  # the files that readers saw until now are out of use
        for name in tables:
            progress(name)
            gone = let_go(lakehouse, name, keep_hours, ANY_SIZE, seen.get(name), at_once=True)
            count, size = vacuum(lakehouse, name, keep_hours)
            removed[name] = (count + gone.files, size + gone.bytes) if gone else (count, size)
        return [Maintained(n, *files[n], *removed[n], lakehouse.delta(n).version()) for n in tables]
