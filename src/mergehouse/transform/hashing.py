"""Hash keys of a Data Vault: what `HASH_OF(...)` in a model stands for.

The key is the MD5, 32 hexadecimal digits in lower case, of the values one after another with `|` between
them. A text is hashed as it is, no case folded and nothing trimmed, but that `|` in it is written `|/`; `=`
goes before it, so that an empty text is not NULL, which is nothing at all. A value that is given as
`CAST(... AS STRING)` is a number, a date or a truth value, as it is. None of these begins with `/`, so that a
`|` tells whether it is in a text or between two values, and no two rows of values are written alike.

MD5 tells keys apart and protects nobody: who knows the numbers that a shop gives can try them all.
"""

from __future__ import annotations

from sqlglot import exp

from mergehouse.engine.dialect import parsed, to_spark
from mergehouse.errors import ConfigError

NAME = "HASH_OF"
BETWEEN, WITHIN = "|", "|/"


def with_hashes(sql: str) -> str:
    """A model's SQL, each `HASH_OF(...)` written out.

    >>> import duckdb, hashlib
    >>> from mergehouse.engine.dialect import to_duckdb
    >>> sql = with_hashes("SELECT HASH_OF(code, CAST(n AS STRING), size) AS k FROM given")
    >>> given = duckdb.sql("SELECT 'a|b' AS code, 7 AS n, NULL::TEXT AS size")
    >>> found = duckdb.sql(to_duckdb(sql)).fetchall()
    >>> found == [(hashlib.md5(b"=a|/b|7|").hexdigest(),)]
    True
    >>> with_hashes("SELECT 1 AS one")
    'SELECT 1 AS one'
    """
    if NAME not in sql:
        return sql
    return to_spark(parsed(sql).transform(_written_out))


def _written_out(node: exp.Expr) -> exp.Expr:
    if not isinstance(node, exp.Anonymous) or node.name.upper() != NAME:
        return node
    if not node.expressions:
        raise ConfigError(f"{NAME} of nothing; expected the columns that make the key.")
    parts = [_part(value) for value in node.expressions]
    text = (
        exp.func("CONCAT_WS", exp.Literal.string(BETWEEN), *parts, dialect="spark") if parts[1:] else parts[0]
    )
    return exp.MD5(this=text)


def _part(value: exp.Expr) -> exp.Expr:
    """A value as it is hashed: never NULL."""
    if not (isinstance(value, exp.Cast | exp.TryCast) and value.to.this in exp.DataType.TEXT_TYPES):
        escaped = exp.func("REPLACE", value, exp.Literal.string(BETWEEN), exp.Literal.string(WITHIN))
        value = exp.Concat(expressions=[exp.Literal.string("="), escaped], safe=False, coalesce=False)
    return exp.Coalesce(this=value, expressions=[exp.Literal.string("")])
