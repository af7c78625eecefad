"""What a brand's SQL may say. A brand folder may be from somebody else: its query computes rows from its own
sources, and does nothing else.

What is not listed is refused: statements, functions that read files, settings or the web, functions that run
code, and whatever SQLGlot will know tomorrow. Sizes are bounded before the parser, which calls itself for
every bracket.
"""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path

import sqlglot
from sqlglot import exp
from sqlglot.tokens import TokenType

from mergehouse.engine.dialect import expect_written, plain
from mergehouse.errors import ConfigError

LONGEST = 500_000  # characters
DEEPEST = 60  # brackets within one another
DEEPEST_TREE = 150  # what is within one another, chains such as `a + b + c` counted once
MOST_OPEN_JOINS = 8  # in a row without a condition: the parser tries each of them twice
MOST_NESTED_TYPES = 40
_OPENING = (TokenType.L_PAREN, TokenType.L_BRACKET, TokenType.L_BRACE)
_CLOSING = (TokenType.R_PAREN, TokenType.R_BRACKET, TokenType.R_BRACE)
_NESTED_TYPES = (TokenType.ARRAY, TokenType.MAP, TokenType.STRUCT)

PARTS = (
    exp.Select, exp.SetOperation, exp.Subquery, exp.With, exp.CTE, exp.From, exp.Join, exp.Lateral, exp.Table,
    exp.TableAlias, exp.Where, exp.Group, exp.Cube, exp.Rollup, exp.GroupingSets, exp.Having, exp.Qualify,
    exp.Order, exp.Ordered, exp.Limit, exp.Offset, exp.Fetch, exp.Distinct, exp.Window, exp.WindowSpec,
    exp.Values, exp.Tuple, exp.Unnest, exp.Pivot, exp.Hint, exp.JoinHint, exp.Star, exp.Alias, exp.Aliases,
    exp.Identifier, exp.Column, exp.Var, exp.Literal, exp.RawString, exp.HexString, exp.UnicodeString,
    exp.Boolean, exp.Null, exp.Paren, exp.Binary, exp.Unary, exp.Between, exp.In, exp.Any, exp.All,
    exp.Bracket, exp.Slice, exp.Lambda, exp.Filter, exp.WithinGroup, exp.IgnoreNulls, exp.RespectNulls,
    exp.Interval, exp.IntervalSpan, exp.AtTimeZone, exp.FromTimeZone, exp.DataType, exp.DataTypeParam,
    exp.ColumnDef, exp.JSONPath, exp.JSONPathPart, exp.JSONKeyValue,
)  # fmt: skip
# of what SQLGlot knows as functions, those that do not compute a value from values, or another one each time
# or on each engine
_REFUSED = """
    ApproxDistinct ApproxQuantile ApproxQuantiles ApproxTopK Kurtosis PercentileDisc Skewness
    AIAgg AIClassify AIEmbed AIForecast AIGenerate AISimilarity AISummarizeAgg Apply Columns
    CurrentAccount CurrentAccountName CurrentAvailableRoles CurrentCatalog CurrentClient CurrentDatabase
    CurrentIpAddress CurrentOrganizationName CurrentOrganizationUser CurrentRegion CurrentRole
    CurrentRoleType CurrentSchema CurrentSchemas CurrentSecondaryRoles CurrentSession CurrentStatement
    CurrentTransaction CurrentUser CurrentUserId CurrentVersion CurrentWarehouse DynamicIdentifier
    FeaturesAtTime GenerateBool GenerateDouble GenerateEmbedding GenerateInt GenerateTable GenerateText
    Generator Host JSONTable MLForecast MLTranslate NetFunc NextValueFor Normal ObjectId OpenJSON Predict
    Rand Randn Randstr ReadCSV ReadParquet Search SearchIp Secret SessionUser Shuffle SplitToTable
    StrtokSplitToTable ToFile ToNumber Uniform Uuid VectorSearch XMLTable Zipf
"""
# Spark's functions that compute a value from values and that SQLGlot passes on as they are written
_ALLOWED = """
    array_repeat array_union arrays_overlap bigint bin binary bitand bround btrim cardinality conv crc32
    date_part datepart decimal e every expm1 find_in_set forall format_number from_csv get hypot
    inline_outer is_valid_utf8 isnotnull isnull json_array_length json_tuple log1p luhn_check make_date
    make_dt_interval make_time make_timestamp_ltz make_timestamp_ntz make_valid_utf8 make_ym_interval
    map_concat map_entries map_filter map_values map_zip_with mask mean now nullifzero number
    octet_length pmod positive printf quote range regexp regexp_matches schema_of_csv schema_of_json
    sentences shiftrightunsigned smallint some std timestamp_micros timestamp_millis timestamp_seconds
    tinyint to_csv to_time to_timestamp_ltz to_timestamp_ntz to_varchar transform_keys transform_values
    try_avg try_mod try_make_interval try_make_timestamp try_make_timestamp_ltz try_make_timestamp_ntz
    try_sum try_to_binary try_to_date try_to_number try_to_time try_to_timestamp try_url_decode
    try_validate_utf8 url_decode url_encode validate_utf8 weekday zeroifnull zip_with
"""
REFUSED, ALLOWED = frozenset(_REFUSED.split()), frozenset(_ALLOWED.split())


def parsed(text: str, file: Path) -> exp.Query:
    """The one query that a file of a brand holds. Raises ConfigError, with the line, where it is no query or
    says what a brand's SQL may not say.

    >>> parsed("SELECT number AS order_id FROM lines", Path("order_lines.sql")).named_selects
    ['order_id']
    >>> parsed("SELECT content FROM lines, LATERAL read_text('/etc/passwd')", Path("order_lines.sql"))
    Traceback (most recent call last):
    mergehouse.errors.ConfigError: order_lines.sql, line 1: `READ_TEXT('/etc/passwd')` is not for ...
    """
    _expect_bounds(text, file)
    try:
        queries = [query for query in sqlglot.parse(text, read="spark") if query]
        if len(queries) != 1 or not isinstance(queries[0], exp.Query):
            found = " and ".join(query.key.upper() for query in queries[:4]) or "nothing"
            raise ConfigError(f"{file}: expected one SELECT, found {found}.")
        _expect_allowed(queries[0], file)
        query: exp.Query = plain(queries[0])
        expect_written(query)
    except sqlglot.errors.UnsupportedError as error:  # it would be written without what is not supported
        what = str(error).splitlines()[0].strip(". ")
        raise ConfigError(f"{file}: {what}. Say it with other functions.") from None
    except sqlglot.errors.ParseError as error:
        first = error.errors[0] if error.errors else {}
        where, what = first.get("line", "?"), first.get("description", error)
        raise ConfigError(f"{file}, line {where}: not valid Spark SQL: {what}.") from None
    except RecursionError:
        raise ConfigError(_too_deep(file)) from None
    return query


def _expect_bounds(text: str, file: Path) -> None:
    if len(text) > LONGEST:
        raise ConfigError(f"{file}: {len(text):,} characters; expected at most {LONGEST:,}.")
    try:
        tokens = sqlglot.tokenize(text, read="spark")
    except sqlglot.errors.TokenError as error:
        known = re.search(r"Missing (\S+) from (\d+)", str(error.__context__))
        found = f"{known[1]} of line {known[2]}" if known else "a comment"
        raise ConfigError(f"{file}: not valid Spark SQL: {found} is not closed.") from None
    depth, types, joins = 0, 0, defaultdict[int, int](int)
    for before, token in zip([None, *tokens], tokens, strict=False):
        kind, last = token.token_type, before.token_type if before else None
        depth += (kind in _OPENING) - (kind in _CLOSING)
        types += kind == TokenType.LT and last in _NESTED_TYPES
        if kind == TokenType.JOIN and last not in (TokenType.CROSS, TokenType.NATURAL):
            joins[depth] += 1
        elif kind in (TokenType.ON, TokenType.USING):
            joins[depth] = 0
        if depth > DEEPEST or types > MOST_NESTED_TYPES:
            raise ConfigError(_too_deep(file, token.line))
        if joins[depth] > MOST_OPEN_JOINS:
            raise ConfigError(
                f"{file}, line {token.line}: more than {MOST_OPEN_JOINS} JOINs in a row say no condition;"
                " expected ON or USING behind each."
            )


def _too_deep(file: Path, line: int | None = None) -> str:
    where = f", line {line}" if line else ""
    return (
        f"{file}{where}: expressions lie too deep within one another; expected at most {DEEPEST} brackets."
        " Part the query by WITH."
    )


def _expect_allowed(query: exp.Query, file: Path) -> None:
    nodes: list[tuple[exp.Expr, int]] = [(query, 0)]
    while nodes:
        node, depth = nodes.pop()
        if depth > DEEPEST_TREE:
            raise ConfigError(_too_deep(file))
        if not _is_allowed(node):
            raise ConfigError(
                f"{file}{_line(node)}: `{shown(node)}` is not for a brand's SQL; expected one SELECT that"
                " computes values by functions of Spark SQL, the same ones whenever it runs. It reads no"
                " files, settings or accounts and runs nothing else."
            )
        for child in node.iter_expressions():
            is_chain = type(child) is type(node) and isinstance(child, exp.Binary | exp.SetOperation)
            nodes.append((child, depth + (not is_chain)))


def _is_allowed(node: exp.Expr) -> bool:
    if isinstance(node, exp.AnonymousAggFunc | exp.CombinedAggFunc | exp.ParameterizedAgg):
        return False
    if isinstance(node, exp.Anonymous):
        return isinstance(node.this, str) and node.name.lower() in ALLOWED
    if isinstance(node, exp.Func):
        return type(node).__name__ not in REFUSED
    if isinstance(node, exp.Table):
        source = node.this
        is_named = isinstance(source, exp.Identifier) and not node.catalog
        return (is_named or (isinstance(source, exp.Func) and not node.db)) and not node.args.get("version")
    return isinstance(node, PARTS)


def _line(node: exp.Expr) -> str:
    lines = (inner.meta.get("line") for inner in node.walk() if inner.meta)
    found = next(filter(None, lines), None)
    return f", line {found}" if found else ""


def shown(node: exp.Expr) -> str:
    """Spark SQL as a message has it: in one line, cut where it is long.

    >>> shown(exp.column("title").eq("Mug"))
    "title = 'Mug'"
    """
    written = " ".join(node.sql(dialect="spark").split())
    return written if len(written) <= 80 else f"{written[:77]}..."
