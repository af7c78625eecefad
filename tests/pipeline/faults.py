"""What can happen to a release on its way, one function a fault, and what verification must say.

Faults of carriage touch what was sealed. Forged ones are sealed again, as a broken exporter or somebody with
intent would.
"""

# ruff: noqa: E501 - one line a fault
from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from mergehouse.release.manifest.seal import CURRENT, MANIFEST, RELEASES, SUCCESS

SALES, PERF, DATES, BRANDS = "gold.sales_daily", "gold.category_perf", "gold.dim_date", "gold.dim_brand"
VERSION = "1.0.0"


@dataclass(frozen=True)
class Case:
    """`what` and part of `where` and `message` of a fault that must be among those found."""

    name: str
    inject: Callable[[Path], None]
    what: str
    where: str
    message: str = ""


def file_of(root: Path, table: str) -> Path:
    return next((root / table.replace(".", "/")).rglob("part-00000.parquet"))


def sealed(root: Path, name: str) -> Path:
    return root / RELEASES / f"v{VERSION}" / name


def flip(file: Path) -> None:
    """One bit in the middle."""
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 4
    file.write_bytes(content)


def cut(file: Path, share: float) -> None:
    content = file.read_bytes()
    file.write_bytes(content[: int(len(content) * share)])


def swap(one: Path, other: Path) -> None:
    first = one.read_bytes()
    one.write_bytes(other.read_bytes())
    other.write_bytes(first)


def edit(root: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    """Edits the manifest by hand, as in an editor."""
    file = sealed(root, MANIFEST)
    manifest = json.loads(file.read_text())
    change(manifest)
    file.write_text(json.dumps(manifest, indent=1, ensure_ascii=False) + "\n")


def reseal(root: Path, change: Callable[[dict[str, Any]], Any] = lambda _: None) -> None:
    """Edits the manifest, takes sizes and hashes of the files as they are now, and seals all of it."""

    def measure(manifest: dict[str, Any]) -> None:
        for table in manifest["tables"]:
            for file in table["files"]:
                if (path := root / file["path"]).is_file():
                    file |= {
                        "bytes": path.stat().st_size,
                        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
                    }
        change(manifest)

    edit(root, measure)
    digest = hashlib.sha256(sealed(root, MANIFEST).read_bytes()).hexdigest()
    sealed(root, SUCCESS).write_text(f"{digest}  {MANIFEST}\n")
    (root / RELEASES / CURRENT).write_text(
        json.dumps({"version": VERSION, "manifest_sha256": digest, "released_ts": ""})
    )


def forge(
    root: Path, table: str, select: str, change: Callable[[dict[str, Any]], Any] = lambda _: None
) -> None:
    """Writes a table's file anew from itself, `{t}` in the query, and seals the release."""
    file = file_of(root, table)
    other = file.with_suffix(".new")
    duckdb.sql(f"COPY ({select.format(t=f'read_parquet({str(file)!r})')}) TO '{other}' (FORMAT parquet)")
    other.rename(file)
    reseal(root, change)


def table_in(manifest: dict[str, Any], name: str) -> dict[str, Any]:
    return next(table for table in manifest["tables"] if table["name"] == name)


def column_in(manifest: dict[str, Any], name: str) -> dict[str, Any]:
    table, _, column = name.rpartition(".")
    return next(c for c in table_in(manifest, table)["columns"] if c["name"] == column)


def kpi_in(manifest: dict[str, Any], name: str) -> dict[str, Any]:
    return next(kpi for kpi in manifest["kpis"] if kpi["name"] == name)


def remove_rows(manifest: dict[str, Any], table: str, count: int) -> None:
    found = table_in(manifest, table)
    found["rows"] -= count
    found["files"][0]["rows"] -= count


def point(root: Path, text: str) -> None:
    (root / RELEASES / CURRENT).write_text(text)


def pointer(root: Path, **changes: str) -> None:
    file = root / RELEASES / CURRENT
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))


def half_copied(root: Path) -> None:
    """The copying stopped: what comes later in the order of names is not there."""
    files = sorted(f for f in root.rglob("*.parquet"))
    for file in files[len(files) // 2 :]:
        file.unlink()


def as_folder(file: Path) -> None:
    file.unlink()
    file.mkdir()


def earlier_version(root: Path) -> None:
    """The manifest of another version in this one's place, with its own seal."""
    reseal(root, lambda m: m.update(version="0.9.0", tables=[_moved(t, "0.9.0") for t in m["tables"]]))


def _moved(table: dict[str, Any], version: str) -> dict[str, Any]:
    return table | {
        "files": [f | {"path": f["path"].replace(f"v{VERSION}", f"v{version}")} for f in table["files"]]
    }


def unlisted_table(manifest: dict[str, Any]) -> None:
    manifest["tables"] = [table for table in manifest["tables"] if table["name"] != SALES]


# fmt: off
CARRIED = [
    Case("bit flipped in a fact", lambda r: flip(file_of(r, SALES)), "altered", "sales_daily", "SHA-256"),
    Case("bit flipped in a dimension", lambda r: flip(file_of(r, DATES)), "altered", "dim_date", "SHA-256"),
    Case("bit flipped in the smallest file", lambda r: flip(file_of(r, BRANDS)), "altered", "dim_brand", "SHA-256"),
    Case("bit flipped in the manifest", lambda r: flip(sealed(r, MANIFEST)), "altered", MANIFEST, "it was changed"),
    Case("bit flipped in the seal", lambda r: flip(sealed(r, SUCCESS)), "altered", MANIFEST, "sealed was"),
    Case("last byte of the footer changed", lambda r: file_of(r, PERF).write_bytes(file_of(r, PERF).read_bytes()[:-1] + b"2"), "altered", "category_perf"),
    Case("file missing", lambda r: file_of(r, SALES).unlink(), "missing", "sales_daily", "not carried whole"),
    Case("table missing", lambda r: shutil.rmtree(r / "gold/dim_date"), "missing", "dim_date", "not carried whole"),
    Case("file replaced by a folder", lambda r: as_folder(file_of(r, SALES)), "missing", "sales_daily"),
    Case("file too many", lambda r: shutil.copy(file_of(r, SALES), file_of(r, SALES).with_name("part-00001.parquet")), "extra", "part-00001"),
    Case("hidden file too many", lambda r: file_of(r, SALES).with_name(".DS_Store").write_bytes(b"x"), "extra", ".DS_Store"),
    Case("file too many beside the manifest", lambda r: sealed(r, "notes.txt").write_text("x"), "extra", "notes.txt"),
    Case("table too many", lambda r: shutil.copytree(file_of(r, DATES).parent, r / f"gold/dim_more/2026-11-25/v{VERSION}"), "extra", "dim_more"),
    Case("upload truncated", lambda r: cut(file_of(r, PERF), 0.6), "truncated", "category_perf", "bytes: carry it again"),
    Case("upload empty", lambda r: cut(file_of(r, SALES), 0), "truncated", "sales_daily", "it has 0 of"),
    Case("bytes appended", lambda r: file_of(r, SALES).write_bytes(file_of(r, SALES).read_bytes() + b"!"), "altered", "sales_daily", "1 bytes too many"),
    Case("files of two tables swapped", lambda r: swap(file_of(r, SALES), file_of(r, DATES)), "swapped", "dim_date", "what belongs in gold/sales_daily"),
    Case("seal missing", lambda r: sealed(r, SUCCESS).unlink(), "missing", SUCCESS, "not finished or not carried whole"),
    Case("seal empty", lambda r: cut(sealed(r, SUCCESS), 0), "seal", SUCCESS),
    Case("seal of another manifest", lambda r: sealed(r, SUCCESS).write_text(f"{'a' * 64}  {MANIFEST}\n"), "altered", MANIFEST),
    Case("manifest missing", lambda r: sealed(r, MANIFEST).unlink(), "missing", MANIFEST),
    Case("manifest truncated", lambda r: cut(sealed(r, MANIFEST), 0.5), "manifest", RELEASES, "is no JSON"),
    Case("row count edited", lambda r: edit(r, lambda m: table_in(m, SALES).update(rows=1)), "altered", MANIFEST),
    Case("hash edited", lambda r: edit(r, lambda m: table_in(m, SALES)["files"][0].update(sha256="0" * 64)), "altered", MANIFEST),
    Case("version edited", lambda r: edit(r, lambda m: m.update(version="1.0.1")), "altered", MANIFEST),
    Case("KPI edited", lambda r: edit(r, lambda m: kpi_in(m, "gmv")["values"].update(group="1.00")), "altered", MANIFEST),
    Case("quality verdict edited", lambda r: edit(r, lambda m: m["quality"].update(verdict="failed")), "altered", MANIFEST),
    Case("pointer stale", lambda r: pointer(r, version="0.9.0"), "pointer", CURRENT, "names 0.9.0, which is not here"),
    Case("pointer unreadable", lambda r: point(r, "{"), "pointer", CURRENT),
    Case("pointer to another manifest", lambda r: pointer(r, manifest_sha256="b" * 64), "altered", MANIFEST, "expected was bbbb"),
    Case("half copied", half_copied, "missing", "sales_daily"),
    Case("only the files copied", lambda r: shutil.rmtree(r / RELEASES), "pointer", CURRENT, "there is no release either"),
]
FORGED = [
    Case("column renamed", lambda r: forge(r, SALES, "SELECT * RENAME (gmv_eur AS gmv) FROM {t}"), "schema", "sales_daily", "`gmv_eur` of `gold.sales_daily` is missing"),
    Case("column dropped", lambda r: forge(r, SALES, "SELECT * EXCLUDE (units) FROM {t}"), "schema", "sales_daily", "`units`"),
    Case("column added", lambda r: forge(r, SALES, "SELECT *, 1 AS more FROM {t}"), "schema", "sales_daily", "`more` is not one of"),
    Case("columns in another order", lambda r: forge(r, SALES, "SELECT region, * EXCLUDE (region) FROM {t}"), "schema", "sales_daily", "another order"),
    Case("money as floating point", lambda r: forge(r, SALES, "SELECT * REPLACE (gmv_eur::DOUBLE AS gmv_eur) FROM {t}"), "schema", "sales_daily", "double instead of decimal(18,2)"),
    Case("integer widened", lambda r: forge(r, DATES, "SELECT * REPLACE (year::BIGINT AS year) FROM {t}"), "schema", "dim_date", "bigint instead of int"),
    Case("date as text", lambda r: forge(r, DATES, "SELECT * REPLACE (date::VARCHAR AS date) FROM {t}"), "schema", "dim_date", "string instead of date"),
    Case("row dropped", lambda r: forge(r, PERF, "FROM {t} OFFSET 1"), "rows", "category_perf", "rows instead of"),
    Case("row dropped and counted so", lambda r: forge(r, DATES, "FROM {t} ORDER BY date OFFSET 1", lambda m: remove_rows(m, DATES, 1)), "bounds", f"{DATES}.date", "lowest"),
    Case("row repeated", lambda r: forge(r, DATES, "FROM {t} UNION ALL (FROM {t} LIMIT 1)", lambda m: remove_rows(m, DATES, -1)), "key", DATES, "(date)"),
    Case("value beyond its bound", lambda r: forge(r, DATES, "SELECT * REPLACE (if(day = 31 AND month = 12, 32, day)::INT AS day) FROM {t}"), "bounds", f"{DATES}.day", "32 instead of 31"),
    Case("empty value where none may be", lambda r: forge(r, SALES, "SELECT * REPLACE (nullif(region, 'North Europe') AS region) FROM {t}"), "nulls", f"{SALES}.region", "must have none"),
    Case("empty values edited", lambda r: reseal(r, lambda m: column_in(m, f"{SALES}.aov_eur").update(nulls=99_999)), "nulls", f"{SALES}.aov_eur", "instead of 99,999"),
    Case("money moved between brands", lambda r: forge(r, SALES, "SELECT * REPLACE (if(source_system = 'contoso', 'eurostyle', 'contoso') AS source_system) FROM {t}"), "kpi", "gmv", "GMV of contoso is"),
    Case("rows moved between partitions", lambda r: forge(r, PERF, "SELECT * REPLACE (if(product_id = (SELECT min(product_id) FROM {t}), 'eurostyle', source_system) AS source_system) FROM {t}"), "partitions", PERF, "source_system = eurostyle"),
    Case("KPI edited and sealed", lambda r: reseal(r, lambda m: kpi_in(m, "gmv")["values"].update(group="1.00")), "kpi", "gmv", "instead of 1.00"),
    Case("KPI left out for a brand", lambda r: reseal(r, lambda m: kpi_in(m, "orders")["values"].pop("contoso")), "kpi", "orders", "instead of None"),
    Case("rows of a file edited", lambda r: reseal(r, lambda m: remove_rows(m, SALES, 5)), "rows", "sales_daily"),
    Case("no Parquet at all", lambda r: (file_of(r, SALES).write_bytes(b"hello"), reseal(r)), "unreadable", "sales_daily", "no Parquet file"),
    Case("manifest of another version", earlier_version, "manifest", f"v{VERSION}", "is of version 0.9.0"),
    Case("manifest of another format", lambda r: reseal(r, lambda m: m.update(manifest_format=2)), "manifest", RELEASES, "reads format 1"),
    Case("unknown key in the manifest", lambda r: reseal(r, lambda m: m.update(note="x")), "manifest", RELEASES, "`note`"),
    Case("table left out of the manifest", lambda r: reseal(r, unlisted_table), "manifest", RELEASES, "`gold.sales_daily`"),
    Case("path out of the release", lambda r: reseal(r, lambda m: table_in(m, SALES)["files"][0].update(path="../../etc/passwd")), "manifest", RELEASES, "is not where file 0"),
    Case("SQL in a KPI", lambda r: reseal(r, lambda m: kpi_in(m, "gmv").update(sum="(SELECT 1)")), "manifest", RELEASES, "is no plain name"),
    Case("SQL in a condition", lambda r: reseal(r, lambda m: kpi_in(m, "customers").update(where={"frequency": "> 0 OR TRUE"})), "manifest", RELEASES, "is no comparison"),
]
# fmt: on
FAULTS = CARRIED + FORGED
