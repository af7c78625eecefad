"""Whether a model's tables come from tables of the lakehouse, column by column as contracts have them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from mergehouse.contracts.contract import Contract
from mergehouse.contracts.registry import find
from mergehouse.platform.powerbi.dax_reader import Names, made_columns, wrong_in_dax
from mergehouse.platform.powerbi.star import data_type
from mergehouse.platform.powerbi.tmdl_reader import Node
from mergehouse.project.validation import nearest_known

MODES = {"directLake", "import", "directQuery"}


# functions of M that open a source, and one that opens a file whose path is not a parameter's alone
_OPENS = re.compile(r"\b(?:File|Folder|Web)\.\w+\(|\bAzureStorage\.\w+\(|\bDatabricks\.\w+\(")
_BY_A_PATH = re.compile(r'\bF(?:ile|older)\.\w+\((?!#"[^"]+"\))')


def wrong_in_sources(
    tables: Mapping[str, Node], expressions: Mapping[str, str], names: Names
) -> Iterator[str]:
    """What is wrong, one sentence each; `expressions` are those that a source may name, with their M."""
    yield from _refused(expressions)
    modes = set()
    for table in tables.values():
        parts = table.all("partition")
        if len(parts) != 1:
            yield f"{table.name}: expected one partition, found {len(parts)}"
            continue
        [part] = parts
        source = part.all("source")
        if part.value == "calculated":
            wrong = list(wrong_in_dax(source[0].value, names))
            yield from (f"{table.name}: {told}" for told in wrong)
            yield from _not_made(table, [] if wrong else made_columns(source[0].value))
            continue
        modes.add(part.get("mode"))
        if not source:
            yield f"{table.name}: its partition has no source"
            continue
        m = source[0].value
        if part.value == "entity":
            entity = f"{source[0].get('schemaName')}.{source[0].get('entityName')}"
            named = {source[0].get("expressionSource")}
        else:
            entity = _entity(m)
            named = {*re.findall(r'#"([^"]+)"', m), *re.findall(r"\b(Released|Instant)\b", m)}
        for name in sorted({str(name) for name in named} - expressions.keys()):
            yield f"{table.name}: its source names `{name}`, which is no expression"
        contract = find(entity) if entity.count(".") == 1 else None
        if contract is None:
            yield f"{table.name}: its source is `{entity}`, which is no table of the lakehouse"
            continue
        yield from _columns(table, contract, m)
    if len(modes) > 1 or not modes <= MODES:
        told = ", ".join(sorted(map(str, modes)))
        yield f"tables are stored in different ways, which a model cannot: {told}"


def _refused(expressions: Mapping[str, str]) -> Iterator[str]:
    """What Power Query parses and does not run, or the service does not refresh."""
    opening = {name for name, m in expressions.items() if _OPENS.search(m)}
    for name, m in expressions.items():
        others = [other for other in opening - {name} if re.search(rf"\b{re.escape(other)}\b", m)]
        if name in opening and others:
            yield (
                f"expression `{name}`: opens a source and names `{others[0]}`, which opens one, too: the"
                " privacy firewall refuses that"
            )
        if _BY_A_PATH.search(m):
            yield (
                f"expression `{name}`: opens a file by a path that is worked out, which the service does not"
                " refresh; expected the folder of a parameter"
            )


def _not_made(table: Node, made: list[str]) -> Iterator[str]:
    for column in table.all("column") if made else ():
        if (source := column.get("sourceColumn")) not in made:
            where = f"{table.name}[{column.name}]"
            yield f"{where}: its DAX makes no column `{source}`; it makes {', '.join(made)}"


def _entity(m: str) -> str:
    if found := re.search(r'Released\("([^"]+)"\)', m):
        return found[1]
    return ".".join(re.findall(r'Name = "([^"]+)"', m))


def _columns(table: Node, contract: Contract, m: str) -> Iterator[str]:
    chosen = re.search(r"SelectColumns\((.*)\)", m)
    for column in table.all("column"):
        source = column.get("sourceColumn") or ""
        given = contract.columns.get(source)
        if given is None:
            yield (
                f"{table.name}[{column.name}]: {contract.table} has no column `{source}`"
                f"{nearest_known(source, contract.columns)}"
            )
        elif column.get("dataType") != data_type(given.type):
            yield (
                f"{table.name}[{column.name}]: dataType: {column.get('dataType')}; {contract.table} has"
                f" {given.type}, which is {data_type(given.type)}"
            )
        elif chosen and f'"{source}"' not in chosen[1]:
            yield f"{table.name}[{column.name}]: its source does not bring `{source}`"
