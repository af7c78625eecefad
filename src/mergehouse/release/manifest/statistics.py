"""What the rows of a released table must be: its schema, counts, bounds and partitions, as SQL and as
comparisons.

Plain Python and SQL that DuckDB and Spark both take, so that the same code runs in a notebook on Fabric.
Tables are the manifest's, as plain dictionaries.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Container
from decimal import Decimal
from typing import Any

from mergehouse.contracts.types import EXACT
from mergehouse.release.manifest.seal import RELEASES, Fault

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
TABLE = re.compile(r"gold\.[a-z][a-z0-9_]*")
TYPE = re.compile(EXACT)
# all that the catalogue needs; no SQL of a stranger
CONDITION = re.compile(r"(=|<>|<=|>=|<|>) (TRUE|FALSE|-?\d+(\.\d+)?)")


def check_names(manifest: dict) -> list[Fault]:
    """What becomes part of SQL must be a plain name, type or comparison: a manifest may be anybody's.

    >>> table = {"name": "gold.a; DROP", "key": [], "partition_by": [], "columns": []}
    >>> [fault.message for fault in check_names({"kpis": [], "tables": [table]})]
    ['`gold.a; DROP` is no Gold table.']
    """
    found = [
        (NAME, name)
        for kpi in manifest["kpis"]
        for name in (kpi["name"], kpi["sum"], kpi["count_distinct"])
        if name
    ]
    found += [(NAME, name) for kpi in manifest["kpis"] for name in (*kpi["where"], *(kpi["ratio"] or ()))]
    found += [(CONDITION, test) for kpi in manifest["kpis"] for test in kpi["where"].values()]
    found += [(TABLE, kpi["table"]) for kpi in manifest["kpis"] if kpi["table"]]
    for table in manifest["tables"]:
        found.append((TABLE, table["name"]))
        found += [
            (NAME, name)
            for name in (*table["key"], *table["partition_by"], *(c["name"] for c in table["columns"]))
        ]
        found += [(TYPE, column["type"]) for column in table["columns"]]
    kinds = {
        NAME: "plain name",
        TABLE: "Gold table",
        TYPE: "type",
        CONDITION: "comparison with a number, TRUE or FALSE",
    }
    return [
        Fault("manifest", RELEASES, f"`{word}` is no {kinds[kind]}.")
        for kind, word in found
        if not kind.fullmatch(word)
    ]


def facts_sql(table: dict, relation: str, quote: str, without: Container[str] = ()) -> str:
    """One row: the number of rows, and of each column its values, the lowest and the highest. `quote`: how
    the engine quotes names; columns `without` which.

    >>> columns = [{"name": "id", "pii": "none"}, {"name": "city", "pii": "personal"}]
    >>> print(facts_sql({"columns": columns}, "t", "`"))
    SELECT COUNT(*) AS row_count, COUNT(`id`) AS filled_0, MIN(`id`) AS low_0, MAX(`id`) AS high_0,
    COUNT(`city`) AS filled_1 FROM t
    """
    wanted = ["COUNT(*) AS row_count"]
    for n, column in enumerate(table["columns"]):
        if column["name"] in without:
            continue
        name = f"{quote}{column['name']}{quote}"
        wanted.append(f"COUNT({name}) AS filled_{n}")
        if column["pii"] == "none":
            wanted.append(f"MIN({name}) AS low_{n}, MAX({name}) AS high_{n}")
    return f"SELECT {', '.join(wanted)} FROM {relation}"


def measured(table: dict, row: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """`nulls`, `min` and `max` of each column, as a manifest has them, from a row of `facts_sql`.

    >>> measured({"columns": [{"name": "id"}]}, {"row_count": 3, "filled_0": 2, "low_0": 1, "high_0": 7})
    {'id': {'nulls': 1, 'min': '1', 'max': '7'}}
    """
    return {
        column["name"]: {
            "nulls": row["row_count"] - row[f"filled_{n}"],
            "min": exact_text(row.get(f"low_{n}")),
            "max": exact_text(row.get(f"high_{n}")),
        }
        for n, column in enumerate(table["columns"])
    }


def partitions_sql(table: dict, relation: str, quote: str) -> str:
    """The number of rows by partition, in order of their values.

    >>> partitions_sql({"partition_by": ["brand"]}, "t", '"')
    'SELECT "brand", COUNT(*) AS row_count FROM t GROUP BY "brand" ORDER BY "brand"'
    """
    columns = ", ".join(f"{quote}{name}{quote}" for name in table["partition_by"])
    return f"SELECT {columns}, COUNT(*) AS row_count FROM {relation} GROUP BY {columns} ORDER BY {columns}"


def partitions(table: dict, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Partitions as a manifest has them, from the rows of `partitions_sql`.

    >>> partitions({"partition_by": ["day"]}, [{"day": dt.date(2026, 3, 1), "row_count": 4}])
    [{'values': {'day': '2026-03-01'}, 'rows': 4}]
    """
    return [
        {"values": {name: exact_text(row[name]) for name in table["partition_by"]}, "rows": row["row_count"]}
        for row in rows
    ]


def check_schema(table: dict, path: str, found: list[tuple[str, str]]) -> list[Fault]:
    """Names, types and order of a file's columns against the manifest's; `found` in Spark's words for
    types.

    >>> table = {"name": "gold.notes", "columns": [{"name": "id", "type": "int"}]}
    >>> check_schema(table, "part", [("id", "int")])
    []
    >>> [fault.message for fault in check_schema(table, "part", [("id", "bigint"), ("more", "int")])]
    ['column `id` of `gold.notes` is bigint instead of int.', 'column `more` is not one of `gold.notes`.']
    """
    wanted = {column["name"]: column["type"] for column in table["columns"]}
    types, faults = dict(found), []
    for name in wanted:
        if name not in types:
            faults.append(Fault("schema", path, f"column `{name}` of `{table['name']}` is missing."))
        elif types[name] != wanted[name]:
            faults.append(
                Fault(
                    "schema",
                    path,
                    f"column `{name}` of `{table['name']}` is {types[name]} instead of {wanted[name]}.",
                )
            )
    faults += [
        Fault("schema", path, f"column `{name}` is not one of `{table['name']}`.")
        for name in types
        if name not in wanted
    ]
    if not faults and list(types) != list(wanted):
        faults.append(
            Fault(
                "schema", path, f"the columns of `{table['name']}` are in another order: {', '.join(types)}."
            )
        )
    return faults


def check_facts(table: dict, row: dict[str, Any]) -> list[Fault]:
    """Rows, empty values and bounds, from a row of `facts_sql`.

    >>> column = {"name": "id", "nullable": False, "nulls": 0, "min": "1", "max": "7"}
    >>> table = {"name": "gold.notes", "rows": 2, "columns": [column]}
    >>> row = {"row_count": 2, "filled_0": 2, "low_0": 1, "high_0": 7}
    >>> check_facts(table, row)
    []
    >>> [fault.message for fault in check_facts(table, row | {"row_count": 3, "filled_0": 3, "high_0": 9})]
    ['3 rows instead of 2.', 'its highest value is 9 instead of 7.']
    """
    name, faults = table["name"], []
    if row["row_count"] != table["rows"]:
        faults.append(Fault("rows", name, f"{row['row_count']:,} rows instead of {table['rows']:,}."))
    found = measured(table, row)
    for column in table["columns"]:
        values, title = found[column["name"]], f"{name}.{column['name']}"
        if values["nulls"] != column["nulls"]:
            faults.append(
                Fault("nulls", title, f"{values['nulls']:,} empty values instead of {column['nulls']:,}.")
            )
        if values["nulls"] and not column["nullable"]:
            faults.append(Fault("nulls", title, f"{values['nulls']:,} empty values, and it must have none."))
        for bound, words in (("min", "lowest"), ("max", "highest")):
            if values[bound] != column[bound]:
                faults.append(
                    Fault(
                        "bounds", title, f"its {words} value is {values[bound]} instead of {column[bound]}."
                    )
                )
    return faults


def check_partitions(table: dict, rows: list[dict[str, Any]]) -> list[Fault]:
    """Rows by partition, from the rows of `partitions_sql`; an empty table has none.

    >>> table = {"name": "gold.notes", "partition_by": ["brand"]}
    >>> table["partitions"] = [{"values": {"brand": "a"}, "rows": 2}]
    >>> check_partitions(table, [{"brand": "a", "row_count": 2}])
    []
    >>> [fault.message for fault in check_partitions(table, [{"brand": "b", "row_count": 2}])]
    ['brand = a has 0 rows instead of 2.', 'brand = b has 2 rows instead of 0.']
    """
    found = {tuple(p["values"].items()): p["rows"] for p in partitions(table, rows)}
    wanted = {tuple(p["values"].items()): p["rows"] for p in table["partitions"]}
    return [
        Fault(
            "partitions",
            table["name"],
            f"{_words(key)} has {found.get(key, 0):,} rows instead of {wanted.get(key, 0):,}.",
        )
        for key in sorted(found.keys() | wanted.keys(), key=str)
        if found.get(key, 0) != wanted.get(key, 0)
    ]


def check_keys(table: dict, count: int, distinct: int) -> list[Fault]:
    """`count` rows and their `distinct` keys.

    >>> [fault.message for fault in check_keys({"name": "gold.notes", "key": ["id"]}, count=3, distinct=2)]
    ['(id) is to tell 3 rows apart and has 2 different values.']
    """
    if distinct == count:
        return []
    message = (
        f"({', '.join(table['key'])}) is to tell {count:,} rows apart and has {distinct:,} different values."
    )
    return [Fault("key", table["name"], message)]


def check_kpis(manifest: dict, values: dict[str, dict[str, Decimal | None]]) -> list[Fault]:
    """KPI values by scope and name, as `kpi.formula.totals` computes them, against the manifest's.

    >>> manifest = {"kpis": [{"name": "gmv", "label": "GMV", "values": {"shop": "60.00"}}]}
    >>> check_kpis(manifest, {"shop": {"gmv": Decimal("60.00")}})
    []
    >>> [fault.message for fault in check_kpis(manifest, {"shop": {"gmv": Decimal("60.01")}})]
    ['GMV of shop is 60.01 instead of 60.00.']
    """
    faults = []
    for kpi in manifest["kpis"]:
        found = {scope: exact_text(named[kpi["name"]]) for scope, named in values.items()}
        for scope in sorted(found.keys() | kpi["values"].keys()):
            if found.get(scope) != kpi["values"].get(scope):
                message = (
                    f"{kpi['label']} of {scope} is {found.get(scope)} instead of {kpi['values'].get(scope)}."
                )
                faults.append(Fault("kpi", kpi["name"], message))
    return faults


def exact_text(value: Any) -> str | None:
    """A value as exact text, the same from every engine. Spark gives instants in the clock of this
    machine.

    >>> exact_text(Decimal("12.50")), exact_text(True), exact_text(dt.date(2011, 12, 9)), exact_text(None)
    ('12.50', 'true', '2011-12-09', None)
    >>> exact_text(dt.datetime(2026, 11, 1, 13, tzinfo=dt.timezone(dt.timedelta(hours=1))))
    '2026-11-01T12:00:00.000000Z'
    """
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, dt.datetime):
        return value.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return str(value)


def _words(key: tuple[tuple[str, str | None], ...]) -> str:
    return ", ".join(f"{name} = {value}" for name, value in key)
