"""A brand's SQL file as a query over what it may read: its own sources, those of other brands that brand.yml
names, and mappings, of brands' mapping files its own rows.
"""

from __future__ import annotations

import functools
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from sqlglot import exp

from mergehouse.engine.dialect import PATTERN_LETTERS, READING_TIMES
from mergehouse.engine.spark_functions import WITH_PATTERNS
from mergehouse.errors import ConfigError
from mergehouse.ingest.cells import MINOR_UNITS
from mergehouse.project.brand import Brand
from mergehouse.project.mapping_files import BRAND_FILES, GROUP_FILES
from mergehouse.project.text_file import read_text
from mergehouse.project.validation import nearest
from mergehouse.transform.allowed_sql import parsed
from mergehouse.transform.column_sources import source_of
from mergehouse.transform.computed_alike import compute_alike

LETTER_BY_LETTER = (exp.Upper, exp.Lower, exp.Trim, exp.Replace, exp.Paren)
GROUP_MAPPINGS = (*GROUP_FILES, "ecb_rates")


def resolved(brand: Brand, file: Path) -> exp.Query:
    """The query of a brand's file over the typed views of sources. Raises ConfigError where it is no query,
    says what a brand's SQL may not say, or reads what the brand may not read.

    >>> brand = mh.project("shop").brands["shop"]
    >>> resolved(brand, brand.folder / "order_lines.sql").find(exp.Table).sql()
    'typed.shop_lines AS lines'
    """
    text = read_text(file)
    query = _parsed(text, file).copy()
    _expect_no_quoted_column(query, text, brand, file)
    for table in list(query.find_all(exp.Table)):
        if isinstance(table.this, exp.Identifier) and not (not table.db and _is_cte(table)):
            _resolve(table, brand, file)
    _expect_capitals(query, brand, file)
    _expect_known_patterns(query, file)
    _expect_digits(query, file)
    _expect_one_found(query, file)
    compute_alike(query, brand)
    return query


def _expect_no_quoted_column(query: exp.Query, text: str, brand: Brand, file: Path) -> None:
    """Raises ConfigError where a column's name stands in double quotes: other databases mean the column."""
    columns = {name for source in brand.sources.values() for name in source.columns}
    for literal in query.find_all(exp.Literal):
        if literal.is_string and literal.name in columns and f'"{literal.name}"' in text:
            raise ConfigError(
                f'{file}: "{literal.name}" is a text in Spark SQL, not the column. Write {literal.name}, or'
                f" `{literal.name}` in backticks; a text stands in single quotes."
            )


def _expect_known_patterns(query: exp.Query, file: Path) -> None:
    """Raises ConfigError where a pattern of dates has letters that engines do not read alike."""
    for node in query.find_all(exp.Anonymous, *WITH_PATTERNS):
        if isinstance(node, exp.Anonymous):
            pattern = (node.expressions[1:2] or [None])[0] if node.name.upper() in READING_TIMES else None
        else:
            pattern = node.args.get("format")
        if not isinstance(pattern, exp.Literal) or not pattern.is_string:
            continue
        left = re.sub("'[^']*'|%-?[A-Za-z](strict)?", "", pattern.name)  # SQLGlot has read the others
        for run in re.finditer(r"([A-Za-z])\1*", left):
            if run[0] not in PATTERN_LETTERS:
                raise ConfigError(
                    f"{file}: `{run[0]}` in a pattern of dates is not read alike by all engines; expected"
                    f" {', '.join(PATTERN_LETTERS)}, or other letters in single quotes."
                )


def _expect_digits(query: exp.Query, file: Path) -> None:
    """Raises ConfigError where a cast to a decimal says no digits: to Spark that is a whole number."""
    for cast in query.find_all(exp.TryCast):
        if cast.to.is_type(exp.DType.DECIMAL) and not cast.to.expressions:
            raise ConfigError(
                f"{file}: `{cast.sql('spark')}` is a whole number in Spark SQL; say its digits, such as"
                " DECIMAL(20, 9)."
            )


def _expect_one_found(query: exp.Query, file: Path) -> None:
    """Raises ConfigError where a path into JSON finds one or several: engines give them in their own ways."""
    for found in query.find_all(exp.JSONExtractScalar):
        if found.expression.find(exp.JSONPathWildcard):
            raise ConfigError(
                f"{file}: `{found.sql('spark')}` finds one or several. Name one, as in '$.items[0].sku', or"
                " read the list: FROM_JSON(items, 'ARRAY<STRUCT<sku: STRING>>')[0].sku."
            )


def compared_texts(query: exp.Query, brand: Brand) -> dict[tuple[str, str, str], set[str]]:
    """By source, column and what is compared of its `value` the texts that a resolved query compares it with,
    in whole.

    >>> brand = mh.project("shop").brands["shop"]
    >>> file = Path("order_lines.sql")
    >>> _ = file.write_text("SELECT title = 'Cup' OR title IN ('Mug') AS is_cancellation FROM lines")
    >>> {name: sorted(texts) for name, texts in compared_texts(resolved(brand, file), brand).items()}
    {('lines', 'title', 'value'): ['Cup', 'Mug']}
    """
    found = defaultdict[tuple[str, str, str], set[str]](set)
    for told in comparisons(query, brand):
        if not isinstance(told.node, exp.Like):
            found[told.source, told.column, told.compared.transform(_as_value).sql("spark")] |= {*told.texts}
    return found


def _as_value(it: exp.Expr) -> exp.Expr:
    return exp.column("value") if isinstance(it, exp.Column) else it


def _expect_capitals(query: exp.Query, brand: Brand, file: Path) -> None:
    """Raises ConfigError where a code, which is read in capitals, is compared with small letters."""
    for told in comparisons(query, brand):
        column = brand.sources[told.source].columns[told.column]
        is_code = isinstance(told.compared, exp.Column) and column.type == "code"
        for text in told.texts if is_code else ():
            if any(c != c.upper() and len(c.upper()) == 1 for c in text) and text not in MINOR_UNITS:
                raise ConfigError(
                    f"{file}: '{text}' is no value of `{told.column}`: a `code` is read in capitals. Write"
                    f" '{text.upper()}', or declare the column as `id` or `text`, which keep its case."
                )


class Comparison(NamedTuple):
    """A column of a source that is compared with texts, as it is or in capitals and the like (`compared`)."""

    node: exp.Expr
    source: str
    column: str
    compared: exp.Expr
    texts: list[str]


def comparisons(query: exp.Query, brand: Brand) -> Iterator[Comparison]:
    """Where a resolved query compares columns of sources with texts, of LIKE with patterns.

    >>> brand = mh.project("shop").brands["shop"]
    >>> file = Path("order_lines.sql")
    >>> _ = file.write_text("SELECT UPPER(title) LIKE 'CUP%' AS is_cancellation FROM lines")
    >>> [(told.source, told.column, told.texts) for told in comparisons(resolved(brand, file), brand)]
    [('lines', 'title', ['CUP%'])]
    """
    for node in query.find_all(exp.EQ, exp.NEQ, exp.In, exp.Like, exp.Case):
        compared, texts = _compared(node)
        column = compared.find(exp.Column) if compared else None
        select = node.find_ancestor(exp.Select)
        table, _ = source_of(select, brand, column) if column and select else (None, "")
        if compared and column and table and column.name in brand.sources[table].columns:
            yield Comparison(node, table, column.name, compared, texts)


def _compared(comparison: exp.Expr) -> tuple[exp.Expr | None, list[str]]:
    """A column, or what is made of one letter by letter, and the texts that it is compared with."""
    match comparison:
        case exp.In(this=column, args={"expressions": found}):
            sides = [column, *(found or [])]
        case exp.Case(args={"this": column, "ifs": branches}) if column:
            sides = [column, *(branch.this for branch in branches)]
        case exp.Binary(this=left, expression=right):
            sides = [left, right]
        case _:
            return None, []
    columns = [side for side in sides if _is_of_column(side)]
    texts = [side.name for side in sides if isinstance(side, exp.Literal) and side.is_string]
    return (columns[0], texts) if len(columns) == 1 else (None, [])


def _is_of_column(it: object) -> bool:
    if isinstance(it, LETTER_BY_LETTER):
        return _is_of_column(it.this)
    return isinstance(it, exp.Column)


_parsed = functools.lru_cache(maxsize=256)(parsed)


def _resolve(table: exp.Table, brand: Brand, file: Path) -> None:
    """A table by the name that it has in a run."""
    owner, name = table.db or brand.name, table.name
    if owner == "mapping":
        _expect_mapping(table, brand, file)
        return
    if table.db and f"{owner}.{name}" not in brand.reads:
        raise ConfigError(
            f"{file}: reads `{table.db}.{name}`; a brand's SQL reads its own sources, by their names alone,"
            f" and mappings. A source of another brand it reads where {brand.folder / 'brand.yml'} says so:"
            f" `reads: [brand.source]`."
        )
    if not table.db and name not in brand.sources:
        best = nearest(name, brand.sources)
        hint = f"did you mean `{best}`?" if best else f"brand.yml declares: {', '.join(brand.sources)}."
        raise ConfigError(f"{file}: reads `{name}`, which is no source of {brand.label}; {hint}")
    if not table.alias:
        table.set("alias", exp.TableAlias(this=table.this.copy()))
    table.set("this", exp.to_identifier(f"{owner}_{name}"))
    table.set("db", exp.to_identifier("typed"))


def _expect_mapping(table: exp.Table, brand: Brand, file: Path) -> None:
    """Of what brands' own mapping files say, a brand reads its own rows."""
    if table.name in BRAND_FILES:
        own = exp.select("*").from_(exp.table_(table.name, "mapping"))
        own = own.where(exp.column("source_system").eq(brand.name))
        table.replace(own.subquery(table.alias_or_name))
    elif table.name not in GROUP_MAPPINGS:
        known = ", ".join((*GROUP_MAPPINGS, *BRAND_FILES))
        raise ConfigError(
            f"{file}: reads `mapping.{table.name}`, which is not for a brand's SQL; expected one of: {known}."
        )


def _is_cte(table: exp.Table) -> bool:
    """True where a name is that of a CTE which is known there: within its own definition it is a source's."""
    inside: exp.Expr = table
    while parent := inside.parent:
        if isinstance(parent, exp.With):
            known = parent.expressions[: parent.expressions.index(inside)]
            inside = parent.parent or parent
        else:
            own = parent.args.get("with_")
            known, inside = own.expressions if own else [], parent
        if any(cte.alias_or_name == table.name for cte in known):
            return True
    return False
