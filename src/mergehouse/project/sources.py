"""A source of a brand as brand.yml describes it: its files, its columns and how they are written."""

from __future__ import annotations

import codecs
import functools
import re
from typing import Any, Literal
from zoneinfo import ZoneInfo, available_timezones

from pydantic import (
    Field,
    field_validator,
    model_validator,
)

from mergehouse.project.validation import Name, Strict, nearest_known

Language = Literal[
    "bg", "ca", "cs", "da", "de", "el", "en", "es", "et", "fi", "fr", "ga", "hr", "hu", "it", "lb", "lt",
    "lv", "mt", "nb", "nl", "pl", "pt", "ro", "sk", "sl", "sv",
]  # fmt: skip
ColumnType = Literal["text", "code", "id", "number", "percent", "date", "timestamp", "boolean"]
TEXTS = ("text", "code", "id")  # types of columns whose values stay as they are written
# what Bronze adds to every row
ADDED_COLUMNS = ("ingest_ts", "source_system", "source_file", "source_row", "batch_id")
OF_THE_MACHINE = {"localtime", "posixrules", "Factory"}  # no zones, but what a machine takes for one
NUMERIC_FORMATS = ("excel_serial", "epoch_seconds", "epoch_milliseconds")  # dates that are numbers


class Column(Strict):
    """One column of a source: its meaning as a type, and the header(s) it may arrive under."""

    type: ColumnType = Field(default="text", description="What the values are, and so how they are read.")
    header: str | list[str] | None = Field(
        default=None,
        description="What the column is called in the files, one spelling or several; case, blanks and"
        " punctuation do not matter. Of several columns with one name `Amount 2` is the second. Without it,"
        " the column's own name.",
    )

    format: str | None = Field(
        default=None,
        description="How dates are written where it is not told from them: `excel_serial`, `epoch_seconds`,"
        " `epoch_milliseconds`, or a pattern such as `yyyy-dd-MM HH:mm`.",
    )
    language: Language | None = Field(
        default=None,
        description="The language of names of months, by its ISO code: `de` reads `31. Dezember 2025`."
        " Without it, English.",
    )
    timezone: str | None = Field(
        default=None,
        description="IANA name of the time zone of times that say no offset, where it is not the brand's.",
    )
    zones: dict[str, str] = Field(
        default={},
        description="Letters behind a time, and the offset from UTC that they stand for, such as"
        " `{CET: '+01:00', CEST: '+02:00'}`.",
    )

    @field_validator("header")
    @classmethod
    def _as_list(cls, value: str | list[str] | None) -> list[str] | None:
        return [value] if isinstance(value, str) else value

    @field_validator("format")
    @classmethod
    def _known_format(cls, value: str | None) -> str | None:
        if value in NUMERIC_FORMATS:
            return value
        parts = re.findall("yyyy|yy|MMMM|MMM|MM|M|dd|d|HH|H|hh|h|mm|ss|SSSSSS|a", value or "")
        told = [part[0] for part in parts]
        if not value or re.search(
            "[A-Za-z']", re.sub("|".join(sorted(parts, reverse=True)) or "$", "", value)
        ):
            raise ValueError(
                f"{value!r} is neither {', '.join(NUMERIC_FORMATS)} nor a pattern of y M d H h m s a"
            )
        if {"y", "M"} - set(told) or len(told) > len(set(told)):
            raise ValueError(f"{value!r} must have a year (yyyy) and a month (MM), and each part once")
        if "m" in told and not {"H", "h"} & set(told):
            raise ValueError(f"{value!r} has minutes and no hours; MM is the month, mm are minutes")
        if ("h" in told) != ("a" in told):
            raise ValueError(f"{value!r}: hh goes with a (AM or PM), HH are the hours of a day")
        return value

    @field_validator("timezone")
    @classmethod
    def _known_timezone(cls, value: str | None) -> str | None:
        return known_timezone(value) if value else None

    @field_validator("zones")
    @classmethod
    def _known_offsets(cls, value: dict[str, str]) -> dict[str, str]:
        for letters, offset in value.items():
            if not re.fullmatch("[A-Za-z]{1,5}", letters) or not re.fullmatch(
                "[+-](0[0-9]|1[0-3]):[0-5][0-9]|[+-]14:00", offset
            ):
                raise ValueError(f"{letters}: {offset!r}; expected letters and an offset such as '+01:00'")
        return value

    @model_validator(mode="after")
    def _of_times(self) -> Column:
        told = [key for key in ("format", "language", "timezone", "zones") if getattr(self, key)]
        if told and self.type not in ("date", "timestamp"):
            raise ValueError(f"`{told[0]}` is for columns of type date or timestamp, not {self.type}")
        return self


class Source(Strict):
    """One table of a brand's export. What is not declared about its format is detected per file."""

    @field_validator("columns")
    @classmethod
    def _no_reserved_name(cls, value: dict[str, Column]) -> dict[str, Column]:
        for name in ADDED_COLUMNS:
            if name in value:
                raise ValueError(
                    f"column `{name}` is added by Bronze; call yours otherwise and give its header"
                )
        return value

    files: str | list[str] = Field(
        description="Patterns of file names, whatever their case; all files that match are stacked. A folder"
        " or zip file that matches counts with all that is in it; of other zip files, members that match."
        " `sales/*.csv` goes down into folders, `**` into any number of them."
    )
    columns: dict[Name, Column] = Field(
        description="The columns that must be there, by the name that they get in Bronze."
        " What becomes of others, `undeclared` says; new ones are reported as drift."
    )
    key: list[Name] = Field(
        default=[],
        description="Columns that tell rows apart; only the latest delivery of each key counts, of order"
        " lines within their order. Without it every row counts.",
    )
    updated_at: Name | None = Field(
        default=None,
        description="The column that says which version of a row is later: a date, a time or a number. It"
        " wins over the order of deliveries: an old extract that comes late changes nothing. A version where"
        " it is empty is earlier than all others.",
    )
    deleted: dict[Name, list[str]] = Field(
        default={},
        description="What says that a row is gone: the name of a column of type `boolean`, or of a `date` or"
        " `timestamp` that only such rows have; or a column and its values, `{operation: [D]}`.",
    )
    header: bool = Field(
        default=True,
        description="`false`: text files and sheets begin with a row, not with names of columns. The cells of"
        " a row are those of the declared columns, in their order.",
    )
    skip_lines: int = Field(
        default=0,
        ge=0,
        le=1000,
        description="How many lines of a text file or sheet stand above its header, or, without one, above"
        " its first row. Without it, titles above a header are passed over, and nothing else is.",
    )
    titles: Name | None = Field(
        default=None,
        description="The declared column that holds what stands above the header or the first row, for each"
        " row of the file: its lines, one below the other, the cells of each parted by a blank.",
    )
    optional: bool = Field(default=False, description="Where no file is there, the source is empty.")
    sheets: list[str] = Field(
        default=[],
        description="Sheets of a workbook that are read; one that is not there stops the source. Without"
        " it, every sheet that has the columns.",
    )
    delimiter: str | None = Field(
        default=None,
        min_length=1,
        max_length=1,
        description="The character between cells of a text file. Without it, the one that finds most of"
        " the columns in the header.",
    )
    quote: str | None = Field(
        default=None,
        max_length=1,
        description="The character around cells of a text file that hold delimiters or line ends; empty"
        ' where there is none. Without it, `"`.',
    )
    escape: str | None = Field(
        default=None,
        min_length=1,
        max_length=1,
        description="The character before a quote within a quoted cell, often `\\`. Without it, the quote"
        " itself.",
    )
    items: str | None = Field(
        default=None,
        min_length=1,
        description="The list within a record of JSON or nested Parquet, by its path, whose members become a"
        " row each, with what the record says around it. Columns are found by paths, too, such as"
        " `customer.id`.",
    )
    ignore_lines: list[str] = Field(
        default=[],
        description="Lines of a text file that are no rows, such as page footers: patterns of whole lines,"
        " `*` for anything, whatever the case. They count where they cannot be split like the header; the"
        " delivery says how many. Lines without letters and digits are none anyway.",
    )
    undeclared: Literal["keep", "drop"] | None = Field(
        default=None,
        description="Whether columns that are not declared are kept in Bronze, or dropped on arrival. Without"
        " it, as the brand says.",
    )
    encoding: str | None = Field(
        default=None,
        description="The encoding of text files, by Python's name. Without it: what the first bytes mark,"
        " UTF-8 where the bytes are that, else `cp1252`.",
    )
    decimal_mark: Literal[".", ","] | None = Field(
        default=None,
        description="What separates decimals. Without it, told from all values of a file.",
    )
    date_order: Literal["dmy", "mdy", "ymd"] | None = Field(
        default=None,
        description="The order of day, month and year in dates that are not ISO. Without it, told from the"
        " values that can be read in one way.",
    )
    null_values: list[str] | None = Field(
        default=None,
        description="Texts that mean an empty cell, as the cell has them, but for blanks around. Without it,"
        " `NULL`, `NaN`, `None`, `N/A` and the errors of spreadsheets, whatever their case.",
    )

    @field_validator("files")
    @classmethod
    def _as_list(cls, value: str | list[str]) -> list[str]:
        return [value] if isinstance(value, str) else value

    @model_validator(mode="after")
    def _marks_apart(self) -> Source:
        if self.delimiter and self.delimiter in (self.quote, self.escape):
            raise ValueError(f"`{self.delimiter}` cannot be the delimiter and around or within cells as well")
        return self

    @field_validator("files")
    @classmethod
    def _some_file(cls, value: list[str]) -> list[str]:
        if not value or not all(map(str.strip, value)):
            raise ValueError("expected patterns of file names, none of them empty")
        return value

    @field_validator("encoding")
    @classmethod
    def _known_encoding(cls, value: str | None) -> str | None:
        if value:
            try:
                is_of_text = getattr(codecs.lookup(value), "_is_text_encoding", True)
            except (LookupError, ValueError):
                is_of_text = False
            if not is_of_text:
                raise ValueError("no encoding of text that Python knows")
        return value

    @model_validator(mode="after")
    def _without_header(self) -> Source:
        titles = self.columns.get(self.titles or "")
        if titles and titles.header:
            raise ValueError(f"`titles` says where `{self.titles}` comes from, and it has a `header`")
        named = [name for name, column in self.columns.items() if column.header and not self.header]
        if named:
            raise ValueError(
                f"`header: false` says that files name no columns, and `{named[0]}` has a `header`"
            )
        return self

    @field_validator("deleted", mode="before")
    @classmethod
    def _by_type(cls, value: Any) -> Any:
        return {value: []} if isinstance(value, str) else value


class FieldReconciliation(Strict):
    """A field that two tables of one source both carry; `use` wins, and `why` says on what evidence."""

    field: str = Field(description="What the field is called in findings.")
    use: str = Field(
        pattern=r"^[a-z0-9_]+\.[a-z0-9_]+$", description="The `source.column` that the brand's SQL uses."
    )
    against: str = Field(
        pattern=r"^[a-z0-9_]+\.[a-z0-9_]+$", description="The `source.column` that it is compared with."
    )
    key: Name = Field(description="The column, of both sources, by which rows are compared.")
    sum_over: list[Name] = Field(
        default=[],
        description="`use` is summed up for each key, over rows that these columns tell apart, before it is"
        " compared.",
    )
    why: str = Field(description="On what evidence `use` wins; it stands beside each finding.")


def known_timezone(value: str) -> str:
    """The name of a time zone. Raises ValueError, with the nearest name, where there is none.

    >>> known_timezone("Europe/Berlin")
    'Europe/Berlin'
    """
    if value not in _timezones():
        raise ValueError(f"unknown IANA time zone {value!r}{nearest_known(value, _timezones())}")
    ZoneInfo(value)
    return value


def is_timezone(value: str) -> bool:
    """True of the name of a time zone.

    >>> is_timezone("Europe/Berlin"), is_timezone("n/a")
    (True, False)
    """
    return value in _timezones()


@functools.cache
def _timezones() -> set[str]:
    """Found by walking through a folder of six hundred files."""
    return available_timezones() - OF_THE_MACHINE
