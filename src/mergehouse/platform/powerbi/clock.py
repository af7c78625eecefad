"""The brands' clocks as measures and tables: which days a figure is of, and which it is compared with.

The rules are those of the web suite: whole weeks that end with the day before a brand's as-of date; one
calendar where all brands have eight weeks in common; the days of the year that the brand with the least data
has last; and what is filtered by date is of those days. What a brand has not delivered is blank, never filled.
"""

from __future__ import annotations

from mergehouse.platform.powerbi.objects import Column, Measure, Table

HOME = "Brand clock"
LONGEST, COMMON, WEEKS = 52, 8, (4, 13, 52)
CLOCKS = (
    ("Own", "Whole weeks before each brand's as-of date"),
    ("Season", "The days of the year that the brand with the least data has last"),
    ("Calendar", "The same days of all brands, where they have eight weeks in common"),
)
DATE = "yyyy-mm-dd"
WITH_DATA = "FILTER ( DISTINCT ( 'Brand'[Brand key] ), [Days of data] > 0 )"
SALES_DAYS = "ALL ( 'Date' ), ALL ( 'Country' )"


def clock_tables() -> list[Table]:
    """What a page chooses by: `Clock`, `Window` in weeks, and `Week` as an axis before the end."""
    clocks = ", ".join(f'( "{name}", "{meaning}", {n} )' for n, (name, meaning) in enumerate(CLOCKS))
    return [
        Table(
            "Clock",
            "Which days brands are looked at on. Without a choice: Calendar where it can be, else Own.",
            (
                Column("Clock", "[Value1]", "string", "Which days brands are looked at on", sort_by="Clock order"),
                Column("What it means", "[Value2]", "string", "In words"),
                Column("Clock order", "[Value3]", "int64", "Its place", format="0", is_hidden=True),
            ),
            dax=f"{{ {clocks} }}",
            use="what-if",
        ),
        Table(
            "Window",
            "How many whole weeks figures are of. Without a choice: the most that all brands have, 52 at most.",
            (Column("Weeks", "[Value]", "int64", "Whole weeks of a window", format="0"),),
            dax=f"{{ {', '.join(map(str, WEEKS))} }}",
            use="what-if",
        ),
        Table(
            "Week",
            "Weeks of each brand's clock, -1 being the last: an axis on which brands of other years stand together.",
            (Column("Week", "[Value]", "int64", "Weeks before the end of the clock", format="0"),),
            dax=f"GENERATESERIES ( -{LONGEST}, -1 )",
            use="what-if",
        ),
    ]  # fmt: skip


def clock_measures() -> list[Measure]:
    """Measures about the days of the brand in the filter context; of several, those that all have."""
    return [_measure(*given) for given in (*DATA, *CHOICES, *WINDOWS, *TOLD)]


def _measure(name: str, meaning: str, dax: str, format: str = DATE) -> Measure:
    is_told = name in ("Window in words", "Clock in use")
    return Measure(name, dax, meaning, format, "Clock", is_hidden=not is_told)


DATA = (
    (
        "First day", "First day of sales.",
        f"COALESCE ( MIN ( 'Brand clock'[First order date] ), CALCULATE ( MIN ( 'Sales'[Date key] ), {SALES_DAYS} ) )",
    ),
    (
        "As-of day", "The day after the last that counts. Who is not shown the brand's, has the day after the last sale they see.",
        f"COALESCE ( MAX ( 'Brand clock'[As of date] ), CALCULATE ( MAX ( 'Sales'[Date key] ), {SALES_DAYS} ) + 1 )",
    ),
    (
        "Days of data", "From the first day to the day before the as-of date.",
        "VAR first = [First day]\nVAR after = [As-of day]\nRETURN IF ( NOT ISBLANK ( first ) && after > first, DATEDIFF ( first, after, DAY ) )", "0",
    ),
    ("Weeks of data", "Whole ones.", "INT ( [Days of data] / 7 )", "0"),
    ("Brands with data", "How many.", f"CALCULATE ( COUNTROWS ( {WITH_DATA} ), REMOVEFILTERS ( 'Brand' ) )", "0"),
    ("Common end", "The first as-of date of any brand.", f"CALCULATE ( MINX ( {WITH_DATA}, [As-of day] ), REMOVEFILTERS ( 'Brand' ) )"),
    (
        "Common weeks", "Whole weeks that all brands have data of at once.",
        f"VAR since = CALCULATE ( MAXX ( {WITH_DATA}, [First day] ), REMOVEFILTERS ( 'Brand' ) )\n"
        "VAR until = [Common end]\nRETURN IF ( until > since, INT ( DATEDIFF ( since, until, DAY ) / 7 ), 0 )", "0",
    ),
)  # fmt: skip
CHOICES = (
    (
        "Clock in use", "The clock that is chosen; else Calendar where all brands have eight weeks in common, else Own.",
        f'SELECTEDVALUE ( \'Clock\'[Clock], IF ( [Brands with data] > 1 && [Common weeks] >= {COMMON}, "Calendar", "Own" ) )', "",
    ),
    ("One calendar", "Whether all brands are looked at on the same days.", f'[Clock in use] = "Calendar" && [Brands with data] > 1 && [Common weeks] >= {COMMON}', ""),
    (
        "Weeks of window", "Whole weeks that are looked at.",
        f"VAR longest = MIN ( {LONGEST}, CALCULATE ( MINX ( FILTER ( DISTINCT ( 'Brand'[Brand key] ), [Weeks of data] > 0 ), [Weeks of data] ), REMOVEFILTERS ( 'Brand' ) ) )\n"
        "RETURN SELECTEDVALUE ( 'Window'[Weeks], IF ( [One calendar], MIN ( longest, [Common weeks] ), longest ) )", "0",
    ),
    ("Clock end", "The day after the last of the clock.", "IF ( [One calendar], [Common end], [As-of day] )"),
    (
        "Season start", "The first day of the season, in the last year in which the brand has it whole.",
        f"""VAR length = 7 * [Weeks of window]
VAR least = CALCULATE ( MINX ( {WITH_DATA}, [Days of data] ), REMOVEFILTERS ( 'Brand' ) )
VAR reference = CALCULATE ( MINX ( FILTER ( {WITH_DATA}, [Days of data] = least ), [As-of day] ), REMOVEFILTERS ( 'Brand' ) )
VAR since = reference - length
VAR first = [First day]
VAR after = [As-of day]
VAR years = GENERATESERIES ( YEAR ( first ), YEAR ( after ) )
VAR starts = ADDCOLUMNS ( years, "@start", MIN ( DATE ( [Value], MONTH ( since ), DAY ( since ) ), EOMONTH ( DATE ( [Value], MONTH ( since ), 1 ), 0 ) ) )
RETURN IF ( length > 0 && length <= least, MAXX ( FILTER ( starts, [@start] >= first && [@start] + length <= after ), [@start] ) )""",
    ),
)  # fmt: skip
BY_MONTHS = "ISFILTERED ( 'Date' ) && DAY ( since ) = 1 && DAY ( until + 1 ) = 1"
WINDOWS = (
    (
        "Window start", "First day of the window; blank where the brand has not delivered its days.",
        """VAR first = [First day]
VAR after = [As-of day]
VAR length = 7 * [Weeks of window]
VAR until = [Clock end]
VAR filtered = MAX ( MIN ( 'Date'[Date] ), first )
RETURN
    SWITCH (
        TRUE (),
        ISBLANK ( [Days of data] ), BLANK (),
        ISFILTERED ( 'Date' ), IF ( filtered <= MAX ( 'Date'[Date] ) && filtered < after, filtered ),
        [Clock in use] = "Season", [Season start],
        length > 0 && until - length >= first, until - length
    )""",
    ),
    (
        "Window end", "Last day of the window.",
        """VAR since = [Window start]
RETURN
    IF (
        NOT ISBLANK ( since ),
        IF ( ISFILTERED ( 'Date' ), MIN ( MAX ( 'Date'[Date] ), [As-of day] - 1 ), since + 7 * [Weeks of window] - 1 )
    )""",
    ),
    (
        "Window is partial", "Whether days are looked at that the brand has not delivered.",
        "ISFILTERED ( 'Date' ) && ( [Window start] > MIN ( 'Date'[Date] ) || [Window end] < MAX ( 'Date'[Date] ) )", "",
    ),
    (
        "Previous start", "First day of the time just before; blank where it is not comparable.",
        f"""VAR since = [Window start]
VAR until = [Window end]
VAR before = IF ( {BY_MONTHS}, EDATE ( since, -DATEDIFF ( since, until + 1, MONTH ) ), since - DATEDIFF ( since, until + 1, DAY ) )
RETURN IF ( NOT ISBLANK ( since ) && NOT [Window is partial] && before >= [First day], before )""",
    ),
    ("Previous end", "Last day of the time just before.", "IF ( NOT ISBLANK ( [Previous start] ), [Window start] - 1 )"),
    (
        "Year before start", "First day of the same time a year before; blank where it is not comparable.",
        f"""VAR since = [Window start]
VAR until = [Window end]
VAR before =
    SWITCH (
        TRUE (),
        {BY_MONTHS}, EDATE ( since, -12 ),
        [Clock in use] = "Season" && NOT ISFILTERED ( 'Date' ), EDATE ( since, -12 ),
        since - 364
    )
RETURN IF ( NOT ISBLANK ( since ) && NOT [Window is partial] && before >= [First day], before )""",
    ),
    (
        "Year before end", "Last day of the same time a year before.",
        f"""VAR since = [Window start]
VAR until = [Window end]
VAR before = [Year before start]
RETURN IF ( NOT ISBLANK ( before ), IF ( {BY_MONTHS}, EDATE ( until + 1, -12 ) - 1, before + DATEDIFF ( since, until, DAY ) ) )""",
    ),
    ("Window is missing", "Whether a brand with data has no window.", f"COUNTROWS ( FILTER ( {WITH_DATA}, ISBLANK ( [Window start] ) ) ) > 0", ""),
    *(
        (
            f"{window} is missing", "Whether a brand has nothing to compare with, or brands are looked at on different days.",
            f"COUNTROWS ( FILTER ( {WITH_DATA}, ISBLANK ( [{window} start] ) ) ) > 0\n"
            f"    || MINX ( {WITH_DATA}, [Window start] ) <> MAXX ( {WITH_DATA}, [Window start] )\n"
            f"    || MINX ( {WITH_DATA}, [Window end] ) <> MAXX ( {WITH_DATA}, [Window end] )", "",
        )
        for window in ("Previous", "Year before")
    ),
    *(
        (
            f"{window} days", "How many days it has.",
            f"MAXX ( {WITH_DATA}, DATEDIFF ( [{window} start], [{window} end], DAY ) + 1 )", "0",
        )
        for window in ("Window", "Previous", "Year before")
    ),
)  # fmt: skip
TOLD = (
    (
        "Window in words", "Of which days figures are, brand by brand, and why there are none.",
        """CONCATENATEX (
    FILTER ( DISTINCT ( 'Brand'[Brand] ), NOT ISBLANK ( 'Brand'[Brand] ) ),
    'Brand'[Brand] & ": "
        & SWITCH (
            TRUE (),
            ISBLANK ( [Days of data] ), "no data",
            ISBLANK ( [Window start] ), "not observable yet: " & [Weeks of data] & " whole weeks of data, " & [Weeks of window] & " needed",
            FORMAT ( [Window start], "yyyy-mm-dd" ) & " to " & FORMAT ( [Window end], "yyyy-mm-dd" ) & IF ( [Window is partial], ", so far" )
        ),
    "; ",
    'Brand'[Brand], ASC
)""", "",
    ),
)  # fmt: skip
