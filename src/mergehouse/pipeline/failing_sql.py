"""Why a brand's SQL cannot be run, in words that its author can do something about."""

from __future__ import annotations

import re
from pathlib import Path

from mergehouse.contracts.contract import Contract
from mergehouse.engine import Relation
from mergehouse.errors import LakehouseError, MergehouseError
from mergehouse.pipeline.attachments import Attachments
from mergehouse.project.brand import Brand
from mergehouse.transform.allowed_sql import shown
from mergehouse.transform.brand_files import brand_contracts, brand_file
from mergehouse.transform.brand_queries import brand_queries, written_queries
from mergehouse.transform.delivered_rows import delivered_name
from mergehouse.transform.graph import tables_in
from mergehouse.transform.staging_views import stacked_view


def why_it_fails(brand: Brand, views: set[str], attachments: Attachments) -> str:
    """Why the brand's part of these views cannot be computed: file, column and expression; empty where it
    can.
    """
    for contract in brand_contracts():
        file = brand_file(brand, contract)
        if not views & {contract.table, delivered_name(contract)} or not file.exists():
            continue
        sql = stacked_view(contract, [brand])
        try:
            attachments.attach(tables_in(sql))
            attachments.engine.keep(Relation("delivered", contract.table, brand.name), sql)
        except LakehouseError:  # of the machine
            continue
        except MergehouseError as error:
            return f"{file}{_column_that_fails(brand, file, contract, attachments)}: {_reason(error)}"
    return ""


def _column_that_fails(brand: Brand, file: Path, contract: Contract, attachments: Attachments) -> str:
    """The first column of a brand's file that the engine cannot compute by itself, as the file says it."""
    rows = Relation("delivered", contract.table, f"{brand.name}_column")
    for query, written in zip(brand_queries(brand, file), written_queries(file), strict=True):
        said = {column.alias_or_name: column.unalias() for column in written.selects}
        for column in query.selects:
            alone = query.copy()
            alone.set("expressions", [column.copy()])
            try:
                attachments.engine.keep(rows, alone)
            except LakehouseError:
                return ""
            except MergehouseError:
                name = column.alias_or_name
                return f", column `{name}`: `{shown(said[name])}`" if name in said else ""
    return ""


def _reason(error: MergehouseError) -> str:
    """What the engine says, in words that a brand's author can do something about."""
    said = str(error).split(": the SQL failed: ")[-1].split(" LINE 1:")[0].split(" Candidate functions")[0]
    if lacking := re.search(r"Function with name (\w+) does not exist", said):
        return (
            f"DuckDB, which runs it, has no function {lacking[1].upper()}. Say it with others of Spark SQL,"
            " or run models on Spark (`engine: spark`)."
        )
    if unknown := re.search(r'Referenced column "(.+?)" not found.*?(?:Candidate bindings: (.*))?$', said):
        there = f" There are {unknown[2]}." if unknown[2] else ""
        return f"there is no column `{unknown[1]}`.{there}"
    return f"it cannot be computed ({said}). Where values of two types meet, say by CAST which is meant."
