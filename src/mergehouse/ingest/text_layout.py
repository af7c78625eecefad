"""How text files are cut into columns, and the statement that reads one file or many that are cut alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from mergehouse.lakehouse.reader import text
from mergehouse.storage import one_file

MAX_LINE_BYTES = 2 * 2**20
MAX_REJECTED_TEXT = 16 * 2**20
KEEP_REJECTS = f"store_rejects = true, rejects_limit = 0, rejects_line_size_limit = {MAX_REJECTED_TEXT}"


@dataclass(frozen=True)
class TextLayout:
    """The columns of a file in its order, the lines above its header, if it has one, and what tells its cells
    apart.
    """

    columns: tuple[str, ...]
    above: int
    delimiter: str
    quote: str
    escape: str
    packed: bool
    header: bool = True

    def relation(self, files: Sequence[Path], called: str = "") -> str:
        r"""The table function over files of this layout, each without its header, one after another. The
        column `called` so, if any, tells the file of a row.

        >>> import duckdb
        >>> for day in "ab":
        ...     _ = Path(f"{day}.csv").write_text(f"order\n{day}1\n")
        >>> layout = TextLayout(("order",), 0, ",", '"', '"', packed=False)
        >>> duckdb.sql(f"FROM {layout.relation([Path('a.csv'), Path('b.csv')])}").fetchall()
        [('a1',), ('b1',)]
        """
        names = ", ".join(text(one_file(str(file))) for file in files)
        columns = ", ".join(f"{text(name)}: 'VARCHAR'" for name in self.columns)
        packed = f", compression = {text('gzip')}" if self.packed else ""
        named = f", filename = {text(called)}" if called else ""
        return (
            f"read_csv([{names}], auto_detect = false, skip = {self.above}, header ="
            f" {str(self.header).lower()}, columns ="
            f" {{{columns}}}, delim = {text(self.delimiter)}, quote = {text(self.quote)}, escape ="
            f" {text(self.escape)}, {KEEP_REJECTS}, max_line_size = {MAX_LINE_BYTES}{packed}{named})"
        )


def torn_files(connection: duckdb.DuckDBPyConnection) -> set[str]:
    r"""The files of which a connection has read lines that could not be split.

    >>> _ = Path("lines.csv").write_text("order,price\nA1\n")
    >>> connection = duckdb.connect()
    >>> layout = TextLayout(("order", "price"), 0, ",", '"', '"', packed=False)
    >>> connection.sql(f"FROM {layout.relation([Path('lines.csv')])}").fetchall(), torn_files(connection)
    ([], {'lines.csv'})
    """
    there = "SELECT count(*) FROM duckdb_tables() WHERE table_name = 'reject_errors'"
    if not connection.execute(there).fetchall()[0][0]:
        return set()
    found = "SELECT DISTINCT file_path FROM reject_errors JOIN reject_scans USING (scan_id, file_id)"
    return {file for (file,) in connection.execute(found).fetchall()}
