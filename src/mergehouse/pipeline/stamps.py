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
        upstream = graph.upstream(table) & graph.tables.keys() - self.current
        stale = any(self._is_stale(name, graph) for name in upstream)
        return Stamp("" if stale else fingerprint, self.delivered)

    def _is_stale(self, name: str, graph: Graph) -> bool:
        """Of a table that somebody else has changed no stamp counts."""
        stamp = self.lakehouse.stamp(name)
        if stamp is None:
            return self.lakehouse.exists(name) and name not in graph.given
        return stamp.fingerprint != graph.fingerprints[name]


def reached(lakehouse: Lakehouse, graph: Graph) -> str | None:
    """The last delivery that has reached the tables; None where those that follow deliveries do not agree."""
    stamps = {lakehouse.stamp(name) for name, table in graph.tables.items() if table.contract.follows}
    found = {stamp.delivered if stamp else None for stamp in stamps}
    return found.pop() if len(found) == 1 else None
