"""DAX: names and texts as it takes them, and conditions of the KPI catalogue in it.

Source: Microsoft's DAX reference: syntax, and how blanks are compared.
"""

from __future__ import annotations

import sqlglot
from sqlglot import exp

from mergehouse.contracts.contract import Contract
from mergehouse.errors import ConfigError
from mergehouse.platform.powerbi.objects import Table

COMPARED: dict[type[exp.Expression], str] = {
    exp.EQ: "==",
    exp.NEQ: "<>",
    exp.GT: ">",
    exp.GTE: ">=",
    exp.LT: "<",
    exp.LTE: "<=",
}
JOINED: dict[type[exp.Expression], str] = {exp.And: "&&", exp.Or: "||"}


def text(value: str) -> str:
    """A text in DAX.

    >>> print(text('6" pan'))
    "6"" pan"
    """
    return '"' + value.replace('"', '""') + '"'


def table_name(name: str) -> str:
    """A table in DAX.

    >>> print(table_name("Men's wear"))
    'Men''s wear'
    """
    return "'" + name.replace("'", "''") + "'"


def measure_name(name: str) -> str:
    """A measure in DAX.

    >>> print(measure_name("GMV [net]"))
    [GMV [net]]]
    """
    return "[" + name.replace("]", "]]") + "]"


def column_name(table: str, column: str) -> str:
    """A column in DAX.

    >>> print(column_name("Sales", "GMV (EUR)"))
    'Sales'[GMV (EUR)]
    """
    return table_name(table) + measure_name(column)


def one_of(column: str, values: list[str]) -> str:
    """A condition: the column is one of the texts. Without any it is never true.

    >>> print(one_of("'Brand'[Brand key]", ["a", "b"]), one_of("'Brand'[Brand key]", []))
    'Brand'[Brand key] IN { "a", "b" } FALSE()
    """
    return f"{column} IN {{ {', '.join(map(text, values))} }}" if values else "FALSE()"


def condition(kpi: str, column: str, test: str, contract: Contract, table: Table) -> str:
    """A condition of the catalogue, such as `frequency` and `>= 2`.

    In DAX a blank is less than 1 and equal to FALSE; in SQL it is neither. So equality is strict, and of a
    column that may be empty it is said that it must not be. Raises ConfigError on what DAX has no words for.

    >>> from mergehouse.contracts.registry import contract_of
    >>> from mergehouse.platform.powerbi.star import star, star_table
    >>> [given] = [table for table in star().tables if table.name == "Customer by brand"]
    >>> table, contract = star_table(given, star()), given.contract
    >>> print(condition("active_customers", "is_churned", "= FALSE", contract, table))
    'Customer by brand'[Churned] == FALSE()
    >>> print(condition("silent", "recency_days", "> 90", contract, table))
    NOT ISBLANK('Customer by brand'[Recency days]) && 'Customer by brand'[Recency days] > 90
    >>> condition("odd", "segment", "LIKE 'C%'", contract, table)
    Traceback (most recent call last):
    mergehouse.errors.ConfigError: kpi/catalogue.yml: odd: where: `segment LIKE 'C%'` cannot be said in DAX...
    """
    try:
        parsed = sqlglot.parse_one(f"SELECT 1 WHERE {column} {test}", read="spark").find(exp.Where)
        assert parsed
        return _said(parsed.this, contract, table)
    except (sqlglot.errors.SqlglotError, KeyError, StopIteration):
        raise ConfigError(
            f"kpi/catalogue.yml: {kpi}: where: `{column} {test}` cannot be said in DAX; expected comparisons"
            f" of columns of {contract.table} with numbers, texts, TRUE or FALSE, IN, IS NULL, AND, OR, NOT."
        ) from None


def _said(sql: exp.Expression, contract: Contract, table: Table) -> str:
    if type(sql) in COMPARED:
        left, operator = _value(sql.this, table), COMPARED[type(sql)]
        compared = f"{left} {operator} {_value(sql.expression, table)}"
        may_be_empty = contract.columns[sql.this.name].nullable and not isinstance(sql, exp.EQ)
        return f"NOT ISBLANK({left}) && {compared}" if may_be_empty else compared
    if type(sql) in JOINED:
        left, right = (_said(part, contract, table) for part in (sql.this, sql.expression))
        return f"({left}) {JOINED[type(sql)]} ({right})"
    if isinstance(sql, exp.Not) and not isinstance(sql.this, exp.Is):
        raise KeyError  # NOT of a comparison with a blank is empty in SQL, true in DAX
    if isinstance(sql, exp.In) and sql.expressions:
        values = ", ".join(_value(value, table) for value in sql.expressions)
        return f"{_value(sql.this, table)} IN {{ {values} }}"
    if isinstance(sql, exp.Paren):
        return f"({_said(sql.this, contract, table)})"
    is_null, negated = (sql.this, True) if isinstance(sql, exp.Not) else (sql, False)
    if isinstance(is_null, exp.Is) and isinstance(is_null.expression, exp.Null):
        return f"{'NOT ' if negated else ''}ISBLANK({_value(is_null.this, table)})"
    raise KeyError


def _value(sql: exp.Expression, table: Table) -> str:
    if isinstance(sql, exp.Column):
        return column_name(table.name, table.named(sql.name))
    if isinstance(sql, exp.Boolean):
        return "TRUE()" if sql.this else "FALSE()"
    if isinstance(sql, exp.Neg):
        return f"-{_value(sql.this, table)}"
    if isinstance(sql, exp.Literal):
        return text(sql.this) if sql.is_string else sql.this
    raise KeyError
