"""Care of published tables: small files made large, old files removed, the log made short. Readers go on
undisturbed.
"""

from __future__ import annotations

from dataclasses import dataclass

from mergehouse.contracts.registry import find
from mergehouse.errors import MergehouseError
from mergehouse.lakehouse.delta import Lakehouse
from mergehouse.lakehouse.published import published_versions, republishing
from mergehouse.lakehouse.retention import Gone, let_go
from mergehouse.progress import Progress, silent

SAFE_HOURS = 168  # Delta's own default: a reader or a run of the last seven days finds its files
ANY_SIZE = 1e9  # times what a table takes
NOTHING = Gone(0, 0, 0)


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
    done, published = [], published_versions(lakehouse) or {}
    with republishing(lakehouse):
        for name in lakehouse.tables():
            progress(name)
            contract = find(name)
            z_order = contract.z_order if contract else []
            needed = published.get(name)
            gone = let_go(lakehouse, name, keep_hours, ANY_SIZE, needed, at_once=True) or NOTHING
            before, after, removed, freed, version = lakehouse.maintain(name, z_order, keep_hours)
            done.append(Maintained(name, before, after, removed + gone.files, freed + gone.bytes, version))
    return done
