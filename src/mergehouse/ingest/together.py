"""Small files of a source, read into one table: those of one layout by one statement, others one by one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import duckdb

from mergehouse.errors import SourceError
from mergehouse.ingest.delivery import Delivery
from mergehouse.ingest.landing import named
from mergehouse.ingest.opening import opened
from mergehouse.ingest.reader import Reader
from mergehouse.ingest.text_layout import TextLayout, torn_files
from mergehouse.lakehouse.reader import quoted, text

BATCH, ROW = "place of the file", "row of the file"  # no column is called so
FILE, LINE = "path of the file", "row of the part"


class Arrived:
    """The rows of some deliveries in the temporary table `rows`: of which one, by its place among them,
    `BATCH`; where in it, `ROW`; and the `columns` that any of them has. `earlier` are those of Bronze.
    """

    rows = "temp.arrived"

    def __init__(self, cursor: duckdb.DuckDBPyConnection, earlier: Sequence[str]):
        self.cursor, self.earlier = cursor, list(earlier)
        self.readers: list[Reader] = []
        self.columns: list[str] = []
        self._alike: dict[TextLayout, list[int]] = defaultdict(list)
        cursor.execute(f"CREATE TEMP TABLE arrived ({quoted(BATCH)} INTEGER, {quoted(ROW)} BIGINT)")

    def add(self, delivery: Delivery, copy: Path) -> None:
        """Opens a delivery; text waits for others of its layout. `copy` is where one in UTF-8 may be."""
        with named(delivery.file, delivery.path):
            reader = opened(delivery, self.cursor, copy, tuple(self.earlier))
            self.earlier += [name for name in reader.columns if name not in self.earlier]
            self._widen(reader.columns)
            self.readers.append(reader)
            if reader.layout:
                self._alike[reader.layout].append(len(self.readers) - 1)
            else:
                self._insert(len(self.readers) - 1, reader)

    def read(self) -> None:
        """Reads the text that waits. Raises SourceError where the rows of a file do not reconcile with it."""
        for layout, places in self._alike.items():
            self._read(layout, places)

    def _insert(self, place: int, reader: Reader) -> None:
        columns = ", ".join(map(quoted, reader.columns))
        rows = f"SELECT {place}, row_number() OVER (), {columns} FROM {reader.relation}"
        self.cursor.execute(f"INSERT INTO {self.rows} ({_with_place(columns)}) {rows}")
        ((count,),) = self.cursor.execute(
            f"SELECT count(*) FROM {self.rows} WHERE {quoted(BATCH)} = {place}"
        ).fetchall()
        reader.reconcile(count)
        reader.forget()

    def _read(self, layout: TextLayout, places: list[int]) -> None:
        readers = {str(self.readers[place].text_path): place for place in places}
        files = layout.relation([Path(path) for path in readers], FILE)
        part = f"SELECT *, row_number() OVER () AS {quoted(LINE)} FROM {files}"
        try:
            self.cursor.execute(f"CREATE OR REPLACE TEMP TABLE part AS {part}")
        except duckdb.Error as error:
            raise SourceError(f"cannot be parsed ({str(error).splitlines()[0]}).") from None
        ends = self.cursor.execute(
            f"SELECT {quoted(FILE)}, min({quoted(LINE)}), max({quoted(LINE)}), count(*) FROM part GROUP BY 1"
        ).fetchall()
        found = {path: (first, last) for path, first, last, _ in ends}
        if any(last - first + 1 != count for _, first, last, count in ends):
            raise SourceError("the rows of a file do not follow one another.")
        torn = torn_files(self.cursor)
        for path, place in readers.items():
            reader, (first, last) = self.readers[place], found.get(path, (1, 0))
            reader.may_be_torn = path in torn
            with named(reader.delivery.file, reader.delivery.path):
                own = f"(FROM part WHERE {quoted(LINE)} BETWEEN {first} AND {last})"
                reader.reconcile(last - first + 1, own)
        self._take(places, {readers[path]: (path, first) for path, (first, _) in found.items()})
        self.cursor.execute("DROP TABLE part")

    def _take(self, places: list[int], found: dict[int, tuple[str, int]]) -> None:
        """Brings a part's rows into the table, each file's with what is one for all of them."""
        constants = {place: self.readers[place].constants for place in found}
        by_names: dict[tuple[str, ...], list[int]] = defaultdict(list)
        for place in found:
            by_names[tuple(self.readers[place].columns)].append(place)
        for names, alike in by_names.items():
            said = list(constants[alike[0]])
            rows = ([str(p), text(found[p][0]), str(found[p][1]), *constants[p].values()] for p in alike)
            listed = ", ".join(f"({', '.join(row)})" for row in rows)
            heads = ", ".join(map(quoted, [BATCH, FILE, LINE, *said]))
            columns = ", ".join(map(quoted, names))
            values = ", ".join(f"{'f' if name in said else 'p'}.{quoted(name)}" for name in names)
            self.cursor.execute(
                f"INSERT INTO {self.rows} ({_with_place(columns)})"
                f" SELECT f.{quoted(BATCH)}, p.{quoted(LINE)} - f.{quoted(LINE)} + 1, {values}"
                f" FROM part AS p JOIN (VALUES {listed}) AS f({heads}) USING ({quoted(FILE)})"
            )

    def _widen(self, columns: list[str]) -> None:
        for name in columns:
            if name not in self.columns:
                self.cursor.execute(f"ALTER TABLE {self.rows} ADD COLUMN {quoted(name)} VARCHAR")
                self.columns.append(name)


def _with_place(columns: str) -> str:
    return f"{quoted(BATCH)}, {quoted(ROW)}, {columns}"
