"""What engines compute in their own ways, said so that they compute it in one: that which Spark documents."""

from __future__ import annotations

from collections.abc import Iterator

from sqlglot import exp

from mergehouse.engine.dialect import READING_TIMES, with_values
from mergehouse.engine.literal import capitals
from mergehouse.project.brand import Brand
from mergehouse.project.sources import TEXTS
from mergehouse.transform.column_sources import source_of

WITH_PATTERNS = (exp.StrToTime, exp.StrToUnix, exp.TimeToStr, exp.TsOrDsToDate, exp.UnixToStr)
COMPARISONS = (exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.NullSafeEQ)
ARITHMETIC = (exp.Add, exp.Sub, exp.Mul, exp.Div, exp.IntDiv, exp.Mod)
OF_TEXTS = (
    exp.Trim,
    exp.Upper,
    exp.Lower,
    exp.Substring,
    exp.Left,
    exp.Right,
    exp.Concat,
    exp.Replace,
    exp.RegexpExtract,
    exp.RegexpReplace,
    exp.SplitPart,
)
MAPS = (exp.Map, exp.VarMap, exp.StrToMap)
OUTER: dict[type, type] = {exp.ExplodeOuter: exp.Explode, exp.PosexplodeOuter: exp.Posexplode}
OF_NUMBERS = (exp.Neg, exp.Round, exp.Abs, exp.Sum, exp.Avg, exp.Ceil, exp.Floor)


def compute_alike(query: exp.Query, brand: Brand) -> None:
    """Has a resolved query say what engines compute in their own ways in the one that Spark documents.

    >>> from mergehouse.engine.dialect import parsed
    >>> brand, query = mh.project("shop").brands["shop"], parsed("SELECT `order` = 7 FROM typed.shop_lines")
    >>> compute_alike(query, brand)
    >>> query.sql("spark")
    'SELECT TRY_CAST(`order` AS DECIMAL(28, 9)) = 7 FROM typed.shop_lines'
    """
    for text in query.find_all(exp.Left, exp.Right, exp.Substring):
        _bound_length(text)
    for upper in reversed(list(query.find_all(exp.Upper))):
        upper.replace(with_values(capitals(":it"), it=upper.this))
    for lower in query.find_all(exp.Lower):  # Spark's has the dot as a character of its own, DuckDB's none
        lower.set("this", with_values("REPLACE(:it, 'İ', 'i\u0307')", it=lower.this))
    for rows in list(query.find_all(exp.Lateral, *OUTER)):
        _keep_without_items(rows)
    for it, expected in reversed(list(_texts_among_numbers(query, brand))):
        it.replace(_decimal(it) if expected == "number" else exp.Literal.string(it.sql("spark")))
    for time in list(query.find_all(exp.Anonymous, *WITH_PATTERNS)):
        if _has_short_year(time):
            time.replace(_with_century(time.copy()))
    for part in list(query.find_all(exp.Extract, exp.Anonymous)):
        if of_week := _day_of_week(part):
            part.replace(of_week)
    for whole in reversed(list(query.find_all(exp.IntDiv))):  # of decimals, DuckDB's is no whole number
        quotient = exp.Div(this=whole.this.copy(), expression=whole.expression.copy())
        whole.replace(exp.TryCast(this=quotient, to=exp.DataType.build("BIGINT")))
    for remainder in query.find_all(exp.Mod):
        remainder.set("expression", _not_zero(remainder.expression))
    for average in list(query.find_all(exp.Avg)):  # of decimals, DuckDB's is a float
        place: exp.Expr = average
        while isinstance(place.parent, exp.Window | exp.Filter) and place.arg_key == "this":
            place = place.parent
        place.replace(_decimal(place))
    for quotient in reversed(list(query.find_all(exp.Div))):  # of decimals, DuckDB's is a float
        quotient.set("expression", _not_zero(quotient.expression))
        if not quotient.this.find(exp.Column):  # `1 / 1.19`: of short numbers Spark's has six decimals
            quotient.set("this", _decimal(quotient.this))
        quotient.replace(_decimal(quotient))
    for cast in reversed(list(query.find_all(exp.TryCast))):
        cast.set("safe", True)  # what cannot be read is empty; Spark's CAST ends the query
        if cast.to.is_type(*exp.DataType.INTEGER_TYPES) and not _is_boolean(cast.this, brand):
            number = _decimal(cast.this)  # DuckDB rounds 12.7 to 13, Spark cuts it to 12
            is_negative = exp.LT(this=number, expression=exp.Literal.number(0))
            up = exp.case().when(is_negative, exp.Ceil(this=number.copy()))
            cast.set("this", up.else_(exp.Floor(this=number.copy())))
    for item in list(query.find_all(exp.Bracket)):  # what a list does not have is empty, too
        at = item.expressions[0]
        if len(item.expressions) == 1 and not at.is_string and not isinstance(item.this, MAPS):
            if at.is_int:
                at = exp.Literal.number(int(at.name) - item.args.get("offset", 0))
            item.replace(exp.Anonymous(this="GET", expressions=[item.this.copy(), at.copy()]))


def _keep_without_items(rows: exp.Expr) -> None:
    """A list without items gives one row, of nothing, where OUTER says so, which DuckDB does not know."""
    if isinstance(rows, exp.Lateral) and not rows.args.get("outer"):
        return
    items = rows.this.this if isinstance(rows, exp.Lateral) else rows.this
    one = with_values("CASE WHEN SIZE(:it) > 0 THEN :it ELSE ARRAY(NULL) END", it=items.copy())
    items.replace(one)
    rows.set("outer", None)
    if kind := OUTER.get(type(rows)):
        rows.replace(kind(this=one.copy()))


def _bound_length(text: exp.Expr) -> None:
    """Nothing is as long, such as `LEFT(x, INSTR(x, '-') - 1)` where x has none; engines count backwards."""
    name = "length" if isinstance(text, exp.Substring) else "expression"
    length = text.args.get(name)
    if length and not isinstance(length, exp.Literal):
        below_zero = exp.LT(this=exp.paren(length.copy()), expression=exp.Literal.number(0))
        text.set(name, exp.case().when(below_zero, exp.Literal.number(0)).else_(length.copy()))


def _day_of_week(part: exp.Expr) -> exp.Expr | None:
    """EXTRACT and DATE_PART of the day of a week, which begins with 1, a Sunday, or of ISO's a Monday."""
    if isinstance(part, exp.Extract):
        unit, time = part.name, part.expression
    elif part.name.upper() == "DATE_PART" and len(part.expressions) == 2:
        unit, time = part.expressions[0].name, part.expressions[1]
    else:
        return None
    match unit.upper():
        case "DOW" | "DAYOFWEEK":
            return exp.DayOfWeek(this=time.copy())
        case "DOW_ISO" | "DAYOFWEEK_ISO":
            weekday = exp.Anonymous(this="WEEKDAY", expressions=[time.copy()])
            return exp.paren(exp.Add(this=weekday, expression=exp.Literal.number(1)))
    return None


def _not_zero(divisor: exp.Expr) -> exp.Expr:
    return exp.Nullif(this=divisor.copy(), expression=exp.Literal.number(0))


def _is_boolean(value: exp.Expr, brand: Brand) -> bool:
    if not isinstance(value, exp.Column):
        return isinstance(value, exp.Predicate | exp.Boolean)
    declared = [
        source.columns[value.name] for source in brand.sources.values() if value.name in source.columns
    ]
    return any(column.type == "boolean" for column in declared)


def _decimal(number: exp.Expr) -> exp.TryCast:
    return exp.TryCast(this=number.copy(), to=exp.DataType.build("DECIMAL(28, 9)"), safe=True)


def _texts_among_numbers(query: exp.Query, brand: Brand) -> Iterator[tuple[exp.Expr, str]]:
    """Texts where numbers are meant, and numbers where texts are: Spark casts them, DuckDB refuses them."""

    def is_text(it: object) -> bool:
        if isinstance(it, exp.Paren | exp.Coalesce):
            return is_text(it.this)
        if isinstance(it, OF_TEXTS):
            return True
        select = it.find_ancestor(exp.Select) if isinstance(it, exp.Column) else None
        table = source_of(select, brand, it)[0] if select and isinstance(it, exp.Column) else None
        column = brand.sources[table].columns.get(it.name) if table and isinstance(it, exp.Column) else None
        return column is not None and column.type in TEXTS

    for node in query.walk():
        match node:
            case exp.Case(args={"this": compared, "ifs": branches}) if compared:
                sides, kind = [compared, *(branch.this for branch in branches)], "comparison"
            case exp.In(this=compared, args={"expressions": members}) if members:
                sides, kind = [compared, *members], "comparison"
            case exp.Between():
                sides, kind = [node.this, node.args["low"], node.args["high"]], "comparison"
            case exp.Coalesce():
                sides, kind = [node.this, *node.expressions], "choice"
            case exp.Binary() if isinstance(node, COMPARISONS):
                sides, kind = [node.this, node.expression], "comparison"
            case exp.Binary() if isinstance(node, ARITHMETIC):
                sides, kind = [node.this, node.expression], "sum"
            case exp.Expression() if isinstance(node, OF_NUMBERS):
                sides, kind = [node.this], "sum"
            case _:
                continue
        texts, numbers = [s for s in sides if is_text(s)], [s for s in sides if _is_number(s)]
        if kind == "choice":
            yield from ((number, "text") for number in numbers if texts)
        elif kind == "sum" and not any(isinstance(side, exp.Interval) for side in sides) or numbers:
            yield from ((text, "number") for text in texts)


def _is_number(it: object) -> bool:
    number = it.this if isinstance(it, exp.Neg | exp.Paren) else it
    return isinstance(number, exp.Literal) and not number.is_string


def _has_short_year(time: exp.Expr) -> bool:
    """True of what reads a time by a pattern in which a year has two digits."""
    if isinstance(time, exp.Anonymous):
        patterns = time.expressions[1:2] if time.name.upper() in READING_TIMES else []
    else:
        patterns = [] if isinstance(time, exp.TimeToStr | exp.UnixToStr) else [time.args.get("format")]
    return any(isinstance(p, exp.Literal) and _is_short(p.name) for p in patterns)


def _is_short(pattern: str) -> bool:
    return "%y" in pattern or ("yy" in pattern and "yyyy" not in pattern)


def _with_century(time: exp.Expr) -> exp.Expr:
    """A time of which two digits of the year were read: 69 to 99 are those of 1969 to 1999. Spark takes them
    for 2069 to 2099.
    """
    return with_values("CASE WHEN YEAR(:it) > 2068 THEN :it - INTERVAL '100' YEAR ELSE :it END", it=time)
