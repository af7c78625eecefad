"""Rules of roles, from DAX put into SQL over Gold."""

from __future__ import annotations

import re

from mergehouse.lakehouse.reader import quoted
from mergehouse.platform.powerbi.objects import SemanticModel, Table


def in_sql(dax: str, model: SemanticModel) -> str:
    """A rule in SQL: as much of DAX as rules are written in."""
    if not dax:
        return "TRUE"
    customers = (
        r"IN SELECTCOLUMNS \( FILTER \( ('[^']+'), (.*) \), \"@0\", (\S+\[[^]]+\]), \"@1\", (\S+\[[^]]+\]) \)"
    )
    dax = re.sub(r"'([^']+)'\[([^]]+)\]", lambda found: f"'{found[1]}'[{found[2].replace(' ', '_')}]", dax)
    dax = re.sub(customers.replace(r"\S+", r"'[^']+'"), r"IN (SELECT (\3, \4) FROM \1 WHERE \2)", dax)
    dax = re.sub(r'"((?:[^"]|"")*)"', lambda found: "\x00" + found[1].replace("'", "''") + "\x00", dax)
    dax = re.sub(r"NOT ISBLANK \( ('[^']+'\[[^]]+\]) \)", r"\1 IS NOT NULL", dax)
    dax = re.sub(r"ISBLANK \( ('[^']+'\[[^]]+\]) \)", r"\1 IS NULL", dax)
    dax = re.sub(r"\{ ([^}]*) \}", r"(\1)", dax.replace("FALSE()", "FALSE"))
    dax = dax.replace("&&", "AND").replace("||", "OR")
    dax = re.sub(
        r"'([^']+)'\[([^]]+)\]", lambda found: _column(found[1], found[2].replace("_", " "), model), dax
    )
    dax = re.sub(r"FROM '([^']+)'", lambda found: f"FROM {model.table(found[1]).entity}", dax)
    return dax.replace("\x00", "'")


def _column(table: str, name: str, model: SemanticModel) -> str:
    given: Table = model.table(table)
    return f"{given.entity}.{quoted(given.column(name).source)}"
