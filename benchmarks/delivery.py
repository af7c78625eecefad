"""Holds back the newest orders of a demonstration project, and brings them as a delivery of its own: what a
daily export is.
"""

from __future__ import annotations

from pathlib import Path

import duckdb


def hold_back(project: Path, share: float) -> list[tuple[Path, bytes]]:
    """Takes the newest `share` of the order lines out of the exports; returns the files to deliver later and
    their content.

    The wide export is in order of time: its last lines go. Of the multitable one the last days go: sales,
    their items, and the customers who had not bought before.
    """
    wide = sorted((project / "raw" / "eurostyle").iterdir())
    held = [_last_lines(wide[-1], round(share * sum(file.stat().st_size for file in wide)))]
    files = {
        table: next((project / "raw" / "contoso").glob(f"*_{table}.csv"))
        for table in ("sales", "salesitems", "customers")
    }
    connection = duckdb.connect()
    for table, file in files.items():
        connection.execute(f"CREATE TABLE {table} AS FROM read_csv('{file}', all_varchar = true)")
    connection.execute(
        "CREATE TABLE held AS SELECT DISTINCT sale_id FROM salesitems "
        f"WHERE sale_date >= (SELECT quantile_disc(sale_date, {1 - share}) FROM salesitems)"
    )
    connection.execute(
        "CREATE TABLE newcomers AS SELECT DISTINCT customer_id FROM sales SEMI JOIN held USING (sale_id) "
        "WHERE customer_id NOT IN (SELECT customer_id FROM sales ANTI JOIN held USING (sale_id))"
    )
    for table, file in files.items():
        of = "newcomers USING (customer_id)" if table == "customers" else "held USING (sale_id)"
        later = file.with_name(f"later_{file.name}")
        connection.execute(f"COPY (FROM {table} SEMI JOIN {of}) TO '{later}' (HEADER)")
        connection.execute(f"COPY (FROM {table} ANTI JOIN {of}) TO '{file}' (HEADER)")
        held.append((later, later.read_bytes()))
        later.unlink()
    return held


def _last_lines(path: Path, size: int) -> tuple[Path, bytes]:
    """Cuts whole lines of about `size` bytes off a file's end."""
    with path.open("r+b") as stream:
        header = stream.readline()
        stream.seek(max(len(header), path.stat().st_size - size))
        stream.readline()  # to the next line's beginning
        cut = stream.tell()
        rest = stream.read()
        stream.truncate(cut)
    return path.with_name(f"{path.stem}_later{path.suffix}"), header + rest


def deliver(held: list[tuple[Path, bytes]]) -> None:
    for path, content in held:
        path.write_bytes(content)
