"""The ledger of deliveries is written while they are loaded, so that a run that dies has little to repeat."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from threading import Lock
from typing import TYPE_CHECKING

from mergehouse.contracts.registry import contract_of
from mergehouse.lakehouse.delta import Lakehouse
from mergehouse.lakehouse.writing import append_rows, upsert_rows

if TYPE_CHECKING:
    from mergehouse.ingest.bronze import Batch

BATCHES = "bronze.batches"
SECONDS = 10  # of loading that a run may have to repeat; a commit for each group would be many of few rows


class Ledger:
    """Takes down batches of several threads; `close` writes those that are still to be written.

    Batches that another one replaces are marked as such in the commit that has the other.
    """

    def __init__(self, lakehouse: Lakehouse, known: Sequence[Batch]):
        self.lakehouse = lakehouse
        self._known = {batch.batch_id: batch for batch in known if batch.status == "loaded"}
        self._open: list[Batch] = []
        self._written = time.monotonic()
        self._one_writer = Lock()

    def add(self, batches: Sequence[Batch]) -> None:
        with self._one_writer:
            self._open += batches
            if time.monotonic() - self._written > SECONDS:
                self._write()

    def close(self) -> None:
        with self._one_writer:
            self._write()

    def _write(self) -> None:
        new, contract = self._open, contract_of(BATCHES)
        self._open, self._written = [], time.monotonic()
        self._known |= {batch.batch_id: batch for batch in new if batch.status == "loaded"}
        gone = {batch.replaces for batch in new if batch.replaces}
        changed = [batch for name, batch in self._known.items() if name in gone and batch not in new]
        rows = [
            [
                *vars(
                    replace(b, status="replaced") if b.batch_id in gone and b.status == "loaded" else b
                ).values()
            ]
            for b in new + changed
        ]
        (upsert_rows if changed else append_rows)(self.lakehouse, contract, rows)
