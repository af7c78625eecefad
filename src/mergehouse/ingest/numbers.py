"""SQL that reads a number as people and spreadsheets write it."""

from __future__ import annotations

from mergehouse.engine.literal import literal

NUMBER = "DECIMAL(20, 9)"
LONGEST_POWER = 11  # digits before `E-3` that any engine reads as one
CURRENCIES = (  # ISO 4217, and codes of the last decades
    "AED|AFN|ALL|AMD|ANG|AOA|ARS|ATS|AUD|AWG|AZN|BAM|BBD|BDT|BEF|BGN|BHD|BIF|BMD|BND|BOB|BRL|BSD|BTN|BWP|BYN|"
    "BZD|CAD|CDF|CHF|CLF|CLP|CNH|CNY|COP|CRC|CUP|CVE|CYP|CZK|DEM|DJF|DKK|DOP|DZD|EEK|EGP|ERN|ESP|ETB|EUR|FIM|"
    "FJD|FKP|FRF|GBP|GEL|GHS|GIP|GMD|GNF|GRD|GTQ|GYD|HKD|HNL|HRK|HTG|HUF|IDR|IEP|ILS|INR|IQD|IRR|ISK|ITL|JMD|"
    "JOD|JPY|KES|KGS|KHR|KMF|KPW|KRW|KWD|KYD|KZT|LAK|LBP|LKR|LRD|LSL|LTL|LUF|LVL|LYD|MAD|MDL|MGA|MKD|MMK|MNT|"
    "MOP|MRU|MTL|MUR|MVR|MWK|MXN|MYR|MZN|NAD|NGN|NIO|NLG|NOK|NPR|NZD|OMR|PAB|PEN|PGK|PHP|PKR|PLN|PTE|PYG|QAR|"
    "RMB|ROL|RON|RSD|RUB|RWF|SAR|SBD|SCR|SDG|SEK|SGD|SHP|SIT|SKK|SLE|SLL|SOS|SRD|SSP|STN|SVC|SYP|SZL|THB|TJS|"
    "TMT|TND|TOP|TRL|TRY|TTD|TWD|TZS|UAH|UGX|USD|UYU|UZS|VED|VES|VND|VUV|WST|XAF|XCD|XOF|XPF|YER|ZAR|ZMW|ZWG|ZWL"
)
_MONEY = (  # a currency's sign, code or usual abbreviation; any other letters leave a number unread
    rf"(?i:(?:AU?|CA?|HK|MX|NT|NZ|R|SG?|US)?[$]|\p{{Sc}}|EUROS?|{CURRENCIES}"
    "|(?:SFR|FR|KR|RS|RP|DIN|лв|ЛВ|руб|РУБ|грн|ГРН|ден|ДЕН|дин|ДИН)[.]?|Kč|KČ|zł|ZŁ|FT|LEI|TL|RM|đ|円|元|원)"
)
_BLANK, _APOSTROPHE = "[ \t\u00a0\u2002-\u200a\u202f\u3000]", "['\u2018\u2019\u02bc\u2032\u00b4`]"
_MINUS = "[-\u2010-\u2013\u2212]"
DASHES = "[-\u2010-\u2015\u2212]{1,2}"
DASHED = f"[0-9][.,]{DASHES}[^0-9]*$"  # 5.- and 12,– EUR: dashes in the place of cents
# Digits of Arabic, Persian, Hindi and of full width, and marks beside them; marks of groups come last and go.
OTHER_DIGITS = "".join(chr(zero + n) for zero in (0x660, 0x6F0, 0x966, 0xFF10) for n in range(10))
DIGITS = "0123456789" * 4
_OTHER_SCRIPTS, _HERE = OTHER_DIGITS + "\u066b\uff0e\uff0d\u066c\uff0c", DIGITS + "..-"


def number(value: str, mark: str) -> str:
    """DECIMAL(20,9) of a text in Spark SQL, or NULL: separators of groups, signs and currencies are read only
    where they are unmistakable.

    >>> import duckdb
    >>> from mergehouse.engine.dialect import to_duckdb
    >>> sql = to_duckdb(f"SELECT CAST({number('v', ',')} AS DECIMAL(9, 2)) AS n FROM written")
    >>> written = "WITH written AS (FROM (VALUES ('1.234,50 EUR'), ('(7)'), ('40,00 CR')) AS t(v))"
    >>> duckdb.sql(f"{written} {sql}").fetchall()
    [(Decimal('1234.50'),), (Decimal('-7.00'),), (None,)]
    """
    other = "," if mark == "." else "."
    plain = _cast(value)
    grouped = f"^-?([1-9][0-9]{{0,2}}([{other}][0-9]{{3}})+|[0-9]+)([{mark}][0-9]+)?$"
    here = f"TRANSLATE({value}, {literal(_OTHER_SCRIPTS)}, '{_HERE}')"
    exponent = f"REPLACE({value}, ',', '.')"
    return (  # a CASE, since DuckDB computes what a COALESCE repeats for every row
        ("CASE " if mark == "," else f"CASE WHEN {plain} IS NOT NULL THEN {plain} ")
        + f"WHEN {value} RLIKE '{grouped}' THEN {_cast(_with_point(value, mark))}"
        f" WHEN {value} RLIKE '^-?{_only(other)}$' THEN {_cast(_with_point(value, other))}"
        f" WHEN {value} RLIKE '[{_OTHER_SCRIPTS}]' THEN {_cast(here)}"
        f" WHEN {value} RLIKE '^[+-]?[0-9]+([.,][0-9]+)?[eE][+-]?[0-9]{{1,3}}$' THEN {_cast(exponent)}"
        f" WHEN {_is_signed_money(value, mark, other)} THEN {_signed_money(value, mark, other)} END"
    )


def with_cents(value: str) -> str:
    """A text with noughts for dashes in the place of cents.

    >>> import duckdb
    >>> from mergehouse.engine.dialect import to_duckdb
    >>> written = "(VALUES ('Fr. 1’234.–'), ('-5,-- EUR'), ('7-')) AS t(v)"
    >>> duckdb.sql(to_duckdb(f"SELECT {with_cents('v')} FROM {written}")).fetchall()
    [('Fr. 1’234.00',), ('-5,00 EUR',), ('7-',)]
    """
    filled = f"REGEXP_REPLACE({value}, {literal(f'{DASHES}([^0-9]*)$')}, '00$1')"
    return f"CASE WHEN {value} RLIKE {literal(DASHED)} THEN {filled} ELSE {value} END"


def plain_number(value: str) -> str:
    """The same of a text that is plainly a number: `7`, `-12.50`. The expression that reads all there is
    takes engines longer to prepare than to run over a few thousand rows.

    >>> plain_number("v")
    'TRY_CAST(v AS DECIMAL(20, 9))'
    """
    return _cast(value)


def without_mark(number: str) -> str:
    """A number of JSON without its decimal mark, which texts beside it may use for thousands; one that is too
    long for that has many decimals, and is as it was.

    >>> without_mark("12.345"), without_mark("-7"), without_mark("33.333333333333336")
    ('12345E-3', '-7', '33.333333333333336')
    """
    whole, _, decimals = number.partition(".")
    digits = whole + decimals
    is_plain = decimals.isdecimal() and len(digits.lstrip("-")) <= LONGEST_POWER
    return f"{digits}E-{len(decimals)}" if is_plain else number


def _is_signed_money(value: str, mark: str, other: str) -> str:
    """A number with one sign at most, which accountants write behind it or as brackets, and currencies."""
    sign, known = f"([+]|{_MINUS})", f"REGEXP_REPLACE({value}, {literal(_MONEY)}, '¤')"
    before = f"({sign}?{_BLANK}*¤?{_BLANK}*)?{sign}?[(]?{_BLANK}*¤?{_BLANK}*"
    after = f"{_MINUS}?({_BLANK}*¤)?({_BLANK}*%)?{_BLANK}*{_MINUS}?[)]?({_BLANK}*¤)?"
    written = f"^{before}({_usual(mark)}|{_only(other)}){after}$"
    return (
        f"{known} RLIKE {literal(written)} AND NOT {value} RLIKE '([(]|{sign}).*([(]|{sign})'"
        f" AND CONTAINS({value}, '(') = CONTAINS({value}, ')')"
    )


def _signed_money(value: str, mark: str, other: str) -> str:
    sign = f"CASE WHEN {value} RLIKE '[(]|{_MINUS}' THEN '-' ELSE '' END"
    letters = literal(r"[^0-9.,]*\p{L}+[.]?")
    digits = f"REGEXP_REPLACE(REGEXP_REPLACE({value}, {letters}, ''), '[^0-9.,]', '')"
    return (
        f"CASE WHEN {digits} RLIKE '^{_only(other)}$'"
        f" THEN {_cast(f'CONCAT({sign}, {_with_point(digits, other)})')}"
        f" ELSE {_cast(f'CONCAT({sign}, {_with_point(digits, mark)})')} END"
    )


def _usual(mark: str) -> str:
    """A number in a file with that decimal mark. Groups are of three digits, or as in India, and none begins
    with nought: `0,750` is no 750.
    """
    separators = ["," if mark == "." else "[.]", _BLANK, _APOSTROPHE]
    groups = "|".join(
        f"[1-9][0-9]{{0,2}}({s}[0-9]{{3}})+|[1-9][0-9]?({s}[0-9]{{2}})+{s}[0-9]{{3}}" for s in separators
    )
    return f"(({groups}|[0-9]+)([{mark}][0-9]+)?|[{mark}][0-9]+)"


def _only(mark: str) -> str:
    """A number that this can only be the decimal mark of, in a file that has the other one."""
    return f"([0-9]+[{mark}]([0-9]{{1,2}}|[0-9]{{4,}})|0[{mark}][0-9]+)"


def _with_point(digits: str, mark: str) -> str:
    """Without separators of groups, and with a decimal point."""
    return f"REPLACE({digits}, ',', '')" if mark == "." else f"REPLACE(REPLACE({digits}, '.', ''), ',', '.')"


def _cast(text: str) -> str:
    return f"TRY_CAST({text} AS {NUMBER})"
