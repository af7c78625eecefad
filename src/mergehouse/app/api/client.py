"""A notebook's way to the figures: the API of a suite that is served, as Polars frames."""

from __future__ import annotations

import datetime as dt
import json
import re
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit

from mergehouse.access.people import TOKEN_PREFIX
from mergehouse.errors import AccessError

if TYPE_CHECKING:
    import polars

LOOPBACK = ("localhost", "127.0.0.1", "::1")
SECONDS = 60.0
TOKEN = re.compile(rf"{TOKEN_PREFIX}[\w.-]+", re.ASCII)
READ: dict[str, Callable[[str], Any]] = {
    "decimal": Decimal,
    "date": dt.date.fromisoformat,
    "timestamp": dt.datetime.fromisoformat,
}


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A token goes nowhere else."""

    def redirect_request(self, *args: Any) -> None:
        return None


class Connection:
    """The figures that a token's user may see. Every method asks the server anew and returns a frame.

    Raises AccessError where the server cannot be reached or refuses, with its words.
    """

    def __init__(self, url: str, token: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise AccessError(f"{url}: expected the address of a suite, such as https://bi.example.com.")
        if parts.scheme == "http" and parts.hostname not in LOOPBACK:
            raise AccessError(f"{url}: a token is sent over https alone, but to this machine itself.")
        if parts.username is not None or parts.query or parts.fragment:
            raise AccessError(
                f"{parts.hostname}: expected an address without a user, `?` and `#`, such as"
                " https://bi.example.com."
            )
        if not isinstance(token, str) or not TOKEN.fullmatch(token):
            raise AccessError(
                f"{url}: {'there is no token' if not token else 'that is no token'}: one begins with"
                f" `{TOKEN_PREFIX}` and has no spaces or line ends; `mergehouse users token` makes one."
            )
        self.url = url.rstrip("/")
        self._token = token
        self._opener = urllib.request.build_opener(_NoRedirect)

    def __repr__(self) -> str:
        return f"Connection to {self.url}"

    def brands(self) -> polars.DataFrame:
        """The brands that you may see, each with its own as-of date."""
        return self._frame("brands")

    def catalogue(self) -> polars.DataFrame:
        """Every KPI: what it is, its formula, what it may be cut by."""
        return self._frame("kpis")

    def dimensions(self) -> polars.DataFrame:
        """What figures may be cut and filtered by, with the values that you may see."""
        return self._frame("dimensions")

    def kpis(self, *names: str, by: str = "all", **filters: Any) -> polars.DataFrame:
        """KPIs cut by `by`: all, brand, region, country, day, week, month or weekday. Filters are brand,
        region, country, since and until. Without names all that can be cut like that.
        """
        return self._frame("kpis/values", kpi=list(names), by=by, **filters)

    def segments(self, by: str = "segment", **filters: Any) -> polars.DataFrame:
        """Customers, money and expected value by segment or region. Filters are brand, region and country."""
        return self._frame("segments", by=by, **filters)

    def risk_and_value(self, **filters: Any) -> polars.DataFrame:
        """Customers and money by band of risk and tier of value, with the same filters."""
        return self._frame("risk-and-value", **filters)

    def categories(self, **filters: Any) -> polars.DataFrame:
        """What categories sold. Filters are brand, region, country, since and until."""
        return self._frame("categories", **filters)

    def customers(self, **filters: Any) -> polars.DataFrame:
        """Customers at each brand, all pages of the list. Filters are brand, region, country and segment."""
        return self._frame("customers", **filters)

    def cleaning(self, brand: str | None = None) -> polars.DataFrame:
        """From the raw exports' figures to the clean ones, step by step."""
        return self._frame("cleaning", brand=brand)

    def left_out(self, brand: str | None = None) -> polars.DataFrame:
        """Delivered lines that are not in GMV, by step and reason."""
        return self._frame("left-out", brand=brand)

    def freshness(self, brand: str | None = None) -> polars.DataFrame:
        """How old each brand's data was at the last run."""
        return self._frame("freshness", brand=brand)

    def models(self, brand: str) -> polars.DataFrame:
        """How good every method was at past cut-offs."""
        return self._frame("models", brand=brand)

    def _frame(self, what: str, **asked: Any) -> polars.DataFrame:
        """A column is a decimal, a day, an instant or what JSON has, as the answer says."""
        import polars as pl

        rows: list[dict[str, Any]] = []
        kinds: dict[str, str] = {}
        for page in self._pages(what, asked):
            rows += page["rows"]
            kinds |= {
                name: kind for name, kind in page["columns"].items() if kinds.get(name, "text") == "text"
            }
        columns = {}
        for name, kind in kinds.items():
            read = READ.get(kind)
            values = [row.get(name) for row in rows]
            columns[name] = [read(v) if read and v is not None else v for v in values]
        return pl.DataFrame(columns, strict=False)

    def _pages(self, what: str, asked: dict[str, Any]) -> Iterator[dict[str, Any]]:
        given = {name: value for name, value in asked.items() if value not in (None, [])}
        while True:
            page = self._get(f"{self.url}/api/v1/{what}?{urlencode(given, doseq=True)}")
            yield page
            if not page.get("next"):
                return
            given["cursor"] = page["next"]

    def _get(self, address: str) -> dict[str, Any]:
        request = urllib.request.Request(address, headers={"Authorization": f"Bearer {self._token}"})
        try:
            with self._opener.open(request, timeout=SECONDS) as answer:
                found: dict[str, Any] = json.load(answer)
                return found
        except urllib.error.HTTPError as error:
            raise AccessError(f"{self.url}: {_words(error)}") from None
        except (OSError, ValueError) as error:
            reason = getattr(error, "reason", None) or error
            raise AccessError(f"{self.url}: cannot be read ({reason}).") from None


def _words(error: urllib.error.HTTPError) -> str:
    if error.code == 401:
        return "the token does not hold; `mergehouse users token` makes one."
    if 300 <= error.code < 400:
        return "it is not a suite of mergehouse that answers there, or another address is its own."
    try:
        return str(json.load(error)["error"])
    except (OSError, ValueError, KeyError, TypeError):
        return f"it answers {error.code}."
