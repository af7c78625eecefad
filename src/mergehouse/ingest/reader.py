"""A delivery as a relation of text columns in file order, reconciled by count."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import duckdb

from mergehouse.errors import SourceError
from mergehouse.ingest.delivery import Delivery
from mergehouse.ingest.header import comparable, match_header, names_by_place
from mergehouse.ingest.text_layout import KEEP_REJECTS, TextLayout
from mergehouse.lakehouse.reader import quoted, text


class Reader(ABC):
    """A delivery as a relation of text columns in file order, with an independent count of its rows. Each
    kind of file has its own.

    `layout` is that of text: files of one layout may be read by one statement, and each is accounted for by
    its own reader. `numbers` are columns that the file holds as numbers, `doubts` what seems wrong.
    """

    layout: TextLayout | None = None
    delimiter: str | None = None
    encoding: str | None = None
    may_be_torn = True  # False where what could not be split was looked at, and is of other files

    def __init__(
        self,
        delivery: Delivery,
        cursor: duckdb.DuckDBPyConnection,
        readable: Path,
        earlier: Sequence[str] = (),
    ):
        """`readable` is where a copy in UTF-8 may be, `earlier` the columns that the Bronze table has.

        Raises SourceError where the file cannot be read or lacks columns.
        """
        self.delivery, self.cursor, self.readable, self.earlier = delivery, cursor, readable, earlier
        self.text_path = delivery.path  # where text is read
        self.numbers: list[str] = []
        self.doubts: list[str] = []
        self._views: list[str] = []
        self._expected = 0  # rows, as the file itself says
        self._delivered = self._open(delivery.path)

    @abstractmethod
    def _open(self, path: Path) -> str:
        """The relation over the file's own columns, once its header is matched."""

    @property
    def drops(self) -> list[str]:
        """The columns that are never written."""
        return [] if self.delivery.keeps_undeclared else self.header.undeclared

    @property
    def columns(self) -> list[str]:
        """The columns of the relation: those that are kept."""
        return [name for name in self.header.columns if name not in self.drops]

    @property
    def relation(self) -> str:
        """The file's own columns, then those that are one for all of its rows."""
        said = self.constants
        selected = ", ".join(f"{said[n]} AS {quoted(n)}" if n in said else quoted(n) for n in self.columns)
        return f"(SELECT {selected} FROM {self._delivered})"

    @property
    def constants(self) -> dict[str, str]:
        """What its folders are named after, and its titles, as SQL, by the names of the columns."""
        names = self.header.columns[len(self._own_columns) :]
        return {
            name: "NULL::VARCHAR" if value is None else text(value)
            for name, value in zip(names, self._constants.values(), strict=True)
        }

    @property
    def notes(self) -> list[str]:
        """How the delivery differs from the declaration and from those before it, and what is in doubt."""
        called, undeclared = self.header.delivered, self.header.undeclared
        kept = [f"`{called[n]}` kept as `{n}`" for n in undeclared if n not in self.earlier]
        if self.drops:
            said = [f"undeclared column(s) dropped: {', '.join(f'`{called[n]}`' for n in self.drops)}"]
        elif self.earlier:
            said = [f"new column {words}" for words in kept]
        else:
            said = [f"undeclared column(s): {', '.join(kept)}"] if kept else []
        return [*said, *self.header.drift, *self.doubts]

    @property
    def accepted(self) -> str:
        """The relation once more, noting nothing of what it leaves out."""
        return self._noting_nothing(self.relation)

    def reconcile(self, accepted: int, rows: str = "") -> None:
        """Raises SourceError unless every row of the file is accounted for. `rows` are those accepted, as the
        file has them, where they are at hand.
        """
        if accepted != self._expected:
            raise self._mismatch(f"the file says it has {self._expected:,} rows, {accepted:,} were read.")

    def forget(self) -> None:
        """Lets go of the rows of a file that was read as a whole."""
        for view in self._views:
            self.cursor.unregister(view)

    def rejected(self) -> str:
        """SELECT over what could not be split and is a row: source_line, reason_code, detail, raw_text, one
        row a line. Empty text where nothing was rejected. To be asked for after the relation was read to its
        end.
        """
        return ""

    def read_to_the_end(self) -> None:
        """Reads every value and keeps none."""
        every = ", ".join(f"count({quoted(name)})" for name in self.columns)
        self.cursor.execute(f"SELECT {every} FROM {self.relation}").fetchall()

    def _match(self, headers: list[str], where: str, above: Sequence[Sequence[str | None]] = ()) -> None:
        """The header, and after it those columns that folders are named after and the file lacks, and the
        titles above it.
        """
        there = {comparable(h) for h in headers}
        folders = self.delivery.file.partitions.items()
        self._constants = {name: value for name, value in folders if comparable(name) not in there}
        if titles := self.delivery.source.titles:
            lines = (" ".join(cell.strip() for cell in record if cell) for record in above)
            self._constants[titles] = "\n".join(lines).strip() or None
        self.header = match_header([*headers, *self._constants], self.delivery.source, where, above)

    def _names(self, record: Sequence[str | None]) -> list[str]:
        """What a file calls its columns: its header, or, without one, the declared names."""
        source, file = self.delivery.source, self.delivery.file
        if source.header:
            return [cell or "" for cell in record]
        return names_by_place(record, source, self.delivery.path, [*file.partitions, source.titles or ""])

    @property
    def _own_columns(self) -> list[str]:
        """The columns of the file itself."""
        return self.header.columns[: len(self.header.columns) - len(self._constants)]

    def _registered(self, view: str, rows: Any) -> str:
        self.cursor.register(view, rows)
        self._views.append(view)
        return view

    def _renamed(self, headers: list[str]) -> str:
        names = zip(headers, self._own_columns, strict=True)
        return ", ".join(f"{quoted(old)} AS {quoted(new)}" for old, new in names)

    def _noting_nothing(self, relation: str) -> str:
        return relation.replace(KEEP_REJECTS, "ignore_errors = true")

    def _mismatch(self, found: str) -> SourceError:
        return SourceError(
            f"{self.delivery.path}: row counts do not reconcile: {found} Nothing of this file was loaded. "
            "Check the file for unbalanced quotes or have it delivered again."
        )
