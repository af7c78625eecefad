"""What tables are published as: of which inputs, of which deliveries."""

from __future__ import annotations

from mergehouse.ingest.bronze import Batch
from mergehouse.lakehouse.delta import Lakehouse
from mergehouse.lakehouse.files import Stamp
from mergehouse.transform.graph import Graph


class Stamps:
    """Of one run over these deliveries. `current` are the tables that it has found or made up to date."""

    def __init__(self, lakehouse: Lakehouse, loaded: list[Batch]):
        self.lakehouse = lakehouse
        self.delivered = max((b.ingest_ts.isoformat() for b in loaded), default="")
        self.current: set[str] = set()

    def of(self, table: str, fingerprint: str, graph: Graph) -> Stamp:
        """The stamp of a table built now. Built on tables that are themselves out of date, it stays so."""
        stale = any(
            name not in self.current
            and (stamp := self.lakehouse.stamp(name))
            and stamp.fingerprint != graph.fingerprints[name]
            for name in graph.upstream(table) & graph.tables.keys()
        )
        return Stamp("" if stale else fingerprint, self.delivered)


def reached(lakehouse: Lakehouse, graph: Graph) -> str | None:
    """The last delivery that has reached the tables; None where those that follow deliveries do not agree."""
    stamps = {lakehouse.stamp(name) for name, table in graph.tables.items() if table.contract.follows}
    found = {stamp.delivered if stamp else None for stamp in stamps}
    return found.pop() if len(found) == 1 else None
