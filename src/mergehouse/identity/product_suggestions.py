"""`mergehouse products`: a file of suggestions for review, and what becomes of the rows accepted."""

from __future__ import annotations

import csv
import io
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from mergehouse.csv_text import as_cell, from_cell
from mergehouse.errors import ConfigError, FitError, LakehouseError
from mergehouse.identity.product_categories import Skill, suggested_categories
from mergehouse.identity.same_items import likely_same_items
from mergehouse.machine import unwritable
from mergehouse.project.mapping_files import BRAND_FILES, PRODUCT_PAIRS
from mergehouse.project.text_file import read_text

if TYPE_CHECKING:
    from mergehouse.lakehouse.delta import Lakehouse
    from mergehouse.project.config import Project

UNMAPPED, CATEGORY, SAME_ITEM = "Unmapped", "category", "same item"
ROWS: dict[str, pl.DataType | type[pl.DataType]] = {
    "kind": pl.String, "source_system": pl.String, "product_code": pl.String, "product_name": pl.String,
    "gmv_eur": pl.Decimal(38, 2), "department": pl.String, "category": pl.String, "confidence": pl.Float64,
    "alternatives": pl.String, "other_source_system": pl.String, "other_product_code": pl.String,
    "other_product_name": pl.String, "similarity": pl.Float64,
}  # fmt: skip
COLUMNS = ("accept", *ROWS)
_COLUMNS_OF = dict(BRAND_FILES.values())
_KEY = ["source_system", "product_code"]
YES, NO = ("yes", "y", "x", "1", "true"), ("", "no", "n", "0", "false")


@dataclass(frozen=True)
class Suggestions:
    """`rows` as in the file, without `accept`; `unmapped`: products without a category; `nameless`: those of
    them that have no name to judge by; `fault`: why no categories are suggested, empty where they are.
    """

    rows: pl.DataFrame
    skill: Skill | None
    unmapped: int
    nameless: int
    fault: str


@dataclass(frozen=True)
class Accepted:
    """Rows written by file; `known`: accepted rows that the files had already; `left`: rows not accepted."""

    written: dict[Path, int]
    known: int
    left: int


def suggestions(lakehouse: Lakehouse) -> Suggestions:
    """Categories for products that nothing places, by GMV, then pairs of likely same items of two brands.

    Raises LakehouseError where no products are published yet.

    >>> found = suggestions(mh.open("shop"))
    >>> found.unmapped, found.fault
    (2, '0 products of 0 categories are placed by rules ...')
    """
    with lakehouse.pinned() as pinned:
        for table in ("silver.products_clean", "silver.product_xref", "gold.category_perf"):
            if not pinned.exists(table):
                raise LakehouseError(f"{pinned.location}: no products yet; `mergehouse run` comes first.")
        names = pinned.table("silver.product_xref").polars()
        clean = pinned.table("silver.products_clean").polars().filter("is_merchandise")
        sales = (
            pinned.table("gold.category_perf").polars().group_by("product_id").agg(pl.col("gmv_eur").sum())
        )
    products = (
        clean.drop("product_name")
        .join(names.select("product_id", "product_name", "matched_rule"), on="product_id")
        .join(sales, on="product_id", how="left")
        .with_columns(pl.col("gmv_eur").fill_null(0))
    )
    unmapped = products.filter(pl.col("department") == UNMAPPED)
    parts, skill, fault = [], None, ""
    if not unmapped.is_empty():
        try:
            found = suggested_categories(products)
            skill = found.skill
            parts.append(_category_rows(found.rows, products))
        except FitError as error:
            fault = str(error)
    parts.append(_pair_rows(likely_same_items(products), products))
    rows = pl.concat([pl.DataFrame(schema=ROWS), *parts], how="diagonal_relaxed").select(*ROWS)
    return Suggestions(rows, skill, unmapped.height, unmapped["product_name"].null_count(), fault)


def write_suggestions(found: Suggestions, file: Path) -> None:
    """Writes the review file. Raises ConfigError where there is one that somebody has marked rows in.

    >>> write_suggestions(suggestions(mh.open("shop")), Path("suggestions.csv"))
    >>> Path("suggestions.csv").read_text(encoding="utf-8-sig").split(",")[:3]
    ['accept', 'kind', 'source_system']
    """
    if file.exists() and any(row["accept"].strip() for _, row in _read(file)):
        raise ConfigError(
            f"{file} has rows that somebody marked. `mergehouse products accept {file}` takes them over; or"
            " name another file."
        )
    texts = pl.col(pl.String).map_elements(as_cell, return_dtype=pl.String)
    rows = found.rows.with_columns(texts).select(pl.lit("").alias("accept"), *ROWS)
    _replace(file, rows.write_csv(include_bom=True))


def accept_suggestions(project: Project, file: Path) -> Accepted:
    """Adds what is marked `yes` to the brands' category_map.csv, as a rule for the code, and to their
    product_xref.csv. A row twice, or one that the files have, is added once. All rows are read before
    anything is written.

    Raises ConfigError naming file and row where a mark, a brand or a cell cannot be used, or a code would
    have two categories.

    >>> write_suggestions(suggestions(mh.open("shop")), Path("suggestions.csv"))
    >>> file = Path("suggestions.csv")
    >>> write_suggestions(suggestions(mh.open("shop")), file)
    >>> accept_suggestions(mh.project("shop"), file)
    Accepted(written={}, known=0, left=0)
    """
    added: dict[Path, list[list[str]]] = defaultdict(list)
    known = left = 0
    for number, row in _read(file):
        mark = row["accept"].strip().lower()
        if mark not in YES:
            if mark not in NO:
                raise ConfigError(
                    f"{file}, row {number}: found accept `{row['accept']}`; expected yes or nothing."
                )
            left += 1
            continue
        target, cells = _rule(project, row, f"{file}, row {number}")
        there = _there(target) + added[target]
        if cells in there:
            known += 1
        elif row["kind"] == CATEGORY and (other := [c for c in there if _is_of_code(c, cells[1])]):
            raise ConfigError(
                f"{file}, row {number}: found `{', '.join(cells[2:])}` for code `{cells[1]}`, which has"
                f" `{', '.join(other[0][2:])}` in {target.name} or in a row above; expected one of them."
            )
        else:
            added[target].append(cells)
    written = {target: len(rows) for target, rows in added.items() if rows}
    for target in written:
        _append(target, added[target])
    return Accepted(written, known, left)


def _category_rows(found: pl.DataFrame, products: pl.DataFrame) -> pl.DataFrame:
    """One row a product: the first guess in cells of its own, the others as text."""
    best = pl.col("guesses").list.first()
    others = (
        pl.col("guesses")
        .list.slice(1)
        .list.eval(
            pl.concat_str(pl.element().struct["department"], pl.element().struct["category"], separator=" > ")
        )
    )
    return (
        found.join(products.select(*_KEY, "product_name", "gmv_eur"), on=_KEY)
        .with_columns(
            pl.lit(CATEGORY).alias("kind"),
            best.struct["department"].alias("department"),
            best.struct["category"].alias("category"),
            others.list.join("; ").alias("alternatives"),
        )
        .drop("guesses")
        .sort("gmv_eur", *_KEY, descending=[True, False, False])
    )


def _pair_rows(pairs: pl.DataFrame, products: pl.DataFrame) -> pl.DataFrame:
    shown = products.select(*_KEY, "product_name", "gmv_eur", "department", "category")
    other = products.select(pl.col(*_KEY, "product_name").name.prefix("other_"))
    return (
        pairs.with_row_index("place")
        .join(shown, on=_KEY)
        .join(other, on=["other_source_system", "other_product_code"])
        .sort("place")
        .with_columns(pl.lit(SAME_ITEM).alias("kind"))
        .drop("place", "has_same_code")
    )


def _read(file: Path) -> list[tuple[int, dict[str, str]]]:
    """The rows with their numbers, as a spreadsheet may have saved them: with `;` or tabs, too."""
    text = read_text(file)
    header = text.partition("\n")[0]
    delimiter = max(",;\t", key=header.count)
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter)
    missing = [name for name in COLUMNS if name not in (reader.fieldnames or [])]
    if missing:
        raise ConfigError(
            f"{file}: column `{missing[0]}` is missing; expected a file of `mergehouse products suggest`, all"
            " of its columns kept."
        )
    try:
        return [(reader.line_num, {name: from_cell(row[name] or "") for name in COLUMNS}) for row in reader]
    except csv.Error as error:
        raise ConfigError(f"{file}, line {reader.line_num + 1}: not CSV ({error}).") from None


def _rule(project: Project, row: dict[str, str], where: str) -> tuple[Path, list[str]]:
    """The file that an accepted row goes to, and the row there."""
    brands = [row["source_system"]] + ([row["other_source_system"]] if row["kind"] == SAME_ITEM else [])
    for brand in brands:
        if brand not in project.brands:
            raise ConfigError(f"{where}: found brand `{brand}`; expected one of {', '.join(project.brands)}.")
    if row["kind"] == CATEGORY:
        cells = ["code", row["product_code"], row["department"].strip(), row["category"].strip()]
        if "*" in row["product_code"]:
            raise ConfigError(
                f"{where}: code `{row['product_code']}` holds a `*`, which means any letters in"
                " category_map.csv. Write a rule by its name there."
            )
        name = "category_map"
    elif row["kind"] == SAME_ITEM:
        cells = [row["product_code"], row["other_source_system"], row["other_product_code"]]
        name = PRODUCT_PAIRS
    else:
        raise ConfigError(f"{where}: found kind `{row['kind']}`; expected `{CATEGORY}` or `{SAME_ITEM}`.")
    if not all(cells):
        raise ConfigError(f"{where}: found an empty cell; expected {', '.join(BRAND_FILES[name][1])}.")
    return project.brands[row["source_system"]].folder / BRAND_FILES[name][0], cells


def _is_of_code(rule: list[str], code: str) -> bool:
    return rule[0] == "code" and rule[1].upper() == code.upper()


def _there(file: Path) -> list[list[str]]:
    """The rows of a mapping file, their cells in the order that BRAND_FILES has."""
    if not file.exists():
        return []
    rows = csv.DictReader(io.StringIO(read_text(file), newline=""))
    return [[(row.get(name) or "").strip() for name in _COLUMNS_OF[file.name]] for row in rows]


def _append(file: Path, rows: list[list[str]]) -> None:
    """Adds rows under those that are there, in the order of the file's own columns."""
    columns = _COLUMNS_OF[file.name]
    text = read_text(file) if file.exists() else ",".join(columns) + "\n"
    header = next(csv.reader(io.StringIO(text, newline="")))
    added = io.StringIO()
    writer = csv.DictWriter(added, header, restval="", lineterminator="\n")
    writer.writerows(dict(zip(columns, row, strict=True)) for row in rows)
    _replace(file, text + ("" if text.endswith("\n") else "\n") + added.getvalue())


def _replace(file: Path, text: str) -> None:
    """Writes a file whole or not at all."""
    beside = file.with_name(f".{file.name}.new")
    try:
        beside.write_text(text, encoding="utf-8", newline="")
        beside.replace(file)
    except OSError as error:
        raise ConfigError(unwritable(file, error)) from None
