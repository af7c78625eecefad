"""Euro rates: how long one holds, where newer ones come from, and what is said where there is none."""

from __future__ import annotations

import csv
import datetime as dt
import io
import zipfile
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest
from tests.conftest import Shop

from mergehouse.errors import ConfigError
from mergehouse.project import ecb_rates
from mergehouse.project.config import load_project
from mergehouse.project.ecb_rates import FILE, edition, update

pytestmark = pytest.mark.slow("a run for each case")

LAST = dt.date(2026, 10, 30)  # a Friday: the last day in the file that the tests write


def line(order: str, day: dt.date | str, currency: str = "GBP") -> str:
    return f"{order},1,{day} 10:00:00,P1,Mug,1,100.00,77,Germany,{currency}"


def rates(until: dt.date = LAST, pounds: str = "0.80", days: int = 400) -> str:
    """The bank's file, newest first: every weekday, at one rate; the rouble until 2026-06-01."""
    header = ["Date", "USD", "GBP", "RUB"]
    text = io.StringIO()
    out = csv.writer(text)
    out.writerow(header)
    for day in (until - dt.timedelta(n) for n in range(days)):
        if day.weekday() < 5:
            out.writerow([day, "1.25", pounds, "100" if day <= dt.date(2026, 6, 1) else "N/A"])
    return text.getvalue()


@pytest.fixture
def banked(open_shop: Callable[[], Shop], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Shop:
    """A shop whose package carries rates until LAST and which never looks for others by itself."""
    shop, carried = open_shop(), tmp_path / "carried.csv"  # opened with the package's own: others copy it
    carried.write_text(rates())
    monkeypatch.setattr(ecb_rates, "carried_file", lambda: carried)
    set_rates(shop, "{fetch: false}")
    return shop


def set_rates(shop: Shop, written: str) -> None:
    config = shop.folder / "mergehouse.yml"
    kept = [line for line in config.read_text().splitlines() if not line.startswith("rates:")]
    config.write_text("\n".join([*kept, f"rates: {written}"]) + "\n")


def test_the_euro_needs_no_rate(banked: Shop) -> None:
    """Whatever the day: years after the last rate, years before the first."""
    banked.deliver_lines(line("A1", "2026-11-27", "EUR"), line("A2", "1989-11-09", "EUR"))
    assert not banked.run("silver").failed
    sold = banked.rows(
        "SELECT order_id, amount_eur, fx_rate, fx_rate_date = order_date FROM silver.sales_clean ORDER BY 1"
    )
    assert sold == [(order, Decimal("100.00"), Decimal(1), True) for order in ("A1", "A2")]


@pytest.mark.parametrize(
    ("hold", "last_held"),
    [  # from Friday 30 October: as many weekdays, and the weekend behind them
        (0, "2026-11-01"),
        (1, "2026-11-02"),
        (4, "2026-11-05"),
        (5, "2026-11-08"),
        (6, "2026-11-09"),
        (10, "2026-11-15"),
    ],
)
def test_a_rate_holds_for_business_days(banked: Shop, hold: int, last_held: str) -> None:
    set_rates(banked, f"{{fetch: false, hold_business_days: {hold}}}")
    days = [LAST + dt.timedelta(n) for n in range(20)]
    banked.deliver_lines(*(line(f"A{n}", day) for n, day in enumerate(days)))
    banked.run(until="silver")
    sold = banked.rows(
        "SELECT CAST(max(order_date) AS VARCHAR), min(amount_eur), max(amount_eur) FROM silver.sales_clean"
    )
    assert sold == [(last_held, Decimal("125.00"), Decimal("125.00"))]
    missing = banked.rows("SELECT CAST(min(order_date) AS VARCHAR), count(*) FROM silver.quarantine")
    first = dt.date.fromisoformat(last_held) + dt.timedelta(1)
    assert missing == [(str(first), len([d for d in days if d >= first]))]


def test_what_is_at_stake_is_said(banked: Shop) -> None:
    """By currency, with the day from which on, the amount, and the mend; and what only just had a rate."""
    banked.deliver_lines(
        line("A1", "2026-11-03"),
        line("A2", "2026-11-20"),
        line("A3", "2026-11-19"),
        line("A4", "2026-06-30", "RUB"),
        line("A5", "2026-01-07", "AED"),
        line("A6", "1998-12-31", "USD"),
    )
    result = banked.run("silver")
    assert result.failed
    (found,) = [c for c in result.checks if c.check == "rate_is_known"]
    assert (found.table, found.severity, found.failures) == ("shop.rates", "error", 5)
    told = [
        (row["currency"], str(row["first_day"]), row["order_lines"], row["can_be_fetched"])
        for row in found.sample
    ]
    assert told == [
        ("GBP", "2026-11-19", 2, True),
        ("AED", "2026-01-07", 1, False),
        ("RUB", "2026-06-30", 1, False),
        ("USD", "1998-12-31", 1, False),
    ]
    assert "RUB, are in quarantine for want of a rate: the European Central Bank's last is of 2026-06-01" in (
        found.why
    )
    assert "USD, are in quarantine for want of a rate: the first is of 2025-09-26" in found.why
    assert "2 order lines from 2026-11-19 on, 200.00 GBP" in found.why
    assert "mergehouse rates update" in found.why and "fx_rates.csv" in found.why
    held = next(c for c in result.checks if c.check == "rate_is_of_the_day")
    assert [(row["currency"], str(row["newest_rate"]), row["order_lines"]) for row in held.sample] == [
        ("GBP", "2026-10-30", 1)
    ]
    assert banked.run("silver").failed, "a run that changes nothing says it again"

    (banked.brand / "fx_rates.csv").write_text(
        "currency,rate_date,units_per_eur\nAED,2026-01-01,4\nRUB,2026-06-20,100\nGBP,2026-11-10,0.5\n"
        "USD,1998-12-31,1.25\n"
    )
    result = banked.run("silver")
    assert not result.failed and not banked.rows("FROM silver.quarantine")


def test_rates_are_fetched_when_one_is_missing(banked: Shop, tmp_path: Path) -> None:
    newer = tmp_path / "newer.zip"
    with zipfile.ZipFile(newer, "w") as archive:
        archive.writestr("eurofxref-hist.csv", rates(dt.date(2026, 11, 20), pounds="0.50"))
    set_rates(banked, newer.as_uri())
    banked.deliver_lines(line("A1", "2026-10-29"))
    assert not banked.run().failed
    assert not (banked.folder / "mappings" / FILE).exists(), "no rate was missing"

    banked.deliver_lines(line("A2", "2026-11-20"), line("A3", "2026-11-21"), name="lines_2.csv")
    result = banked.run()
    assert not result.failed
    assert banked.rows("SELECT order_id, amount_eur FROM silver.sales_clean ORDER BY 1") == [
        (order, Decimal("200.00")) for order in ("A1", "A2", "A3")
    ]
    assert banked.rows("SELECT gmv_eur FROM gold.sales_daily ORDER BY order_date LIMIT 1") == [
        (Decimal("200.00"),)
    ]
    assert {t.status for t in result.tables if t.table == "gold.sales_daily"} != {"fresh"}


def test_a_network_that_is_not_there_is_a_finding(banked: Shop) -> None:
    set_rates(banked, "missing.zip")
    banked.deliver_lines(line("A2", "2026-11-20"))
    result = banked.run("silver")
    assert result.failed
    (found,) = [c for c in result.checks if c.check == "newer_rates_can_be_had"]
    assert (
        found.severity == "warn"
        and "missing.zip cannot be read" in found.why
        and "rates update --from" in found.why
    )


def test_updates_take_only_what_is_newer(banked: Shop, tmp_path: Path) -> None:
    file = tmp_path / "rates.csv"
    file.write_text(rates(dt.date(2026, 11, 6)))
    assert update(banked.project, str(file)).last_day == dt.date(2026, 11, 6)
    assert edition(load_project(banked.folder)).file == banked.folder / "mappings" / FILE
    file.write_text(rates(dt.date(2026, 11, 5)))
    assert update(banked.project, str(file)).last_day == dt.date(2026, 11, 6)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("", "found `nothing`"),
        ("<html><body>Sign in</body></html>", "found `<html>"),
        ("a,b\n1,2\n", "expected a column `Date`"),
        ("Date,USD\n", "found `Date,USD`"),
        ("PK\x03\x04", "no readable archive"),
        (rates(dt.date(2026, 12, 4)) + "2020-01-01,1\n", "cannot be read"),
        (rates(dt.date(2026, 12, 4), days=10_000).rstrip()[:-12], "cannot be read"),  # cut off in transfer
    ],
)
def test_files_that_are_no_rates(banked: Shop, tmp_path: Path, content: str, says: str) -> None:
    file = tmp_path / "rates.csv"
    file.write_text(content)
    with pytest.raises(ConfigError) as error:
        update(banked.project, str(file))
    assert says in str(error.value) and not (banked.folder / "mappings" / FILE).exists()


def test_own_rates_the_wrong_way_round_or_without_use_are_said(banked: Shop) -> None:
    """A euro is four dirhams, and 1.25 dollars by the bank; nobody pays in Kenya's shillings."""
    (banked.brand / "fx_rates.csv").write_text(
        "currency,rate_date,units_per_eur\nAED,2026-10-01,0.25\nSAR,2026-10-01,4.1\nSAR,2026-10-20,0.24\n"
        "KWD,2026-10-01,0.35\nRUB,2026-10-01,0.01\nUSD,2026-10-01,1.26\nKES,2026-10-01,150\n"
    )
    paid = ("AED", "SAR", "KWD", "RUB", "USD")
    banked.deliver_lines(*(line(f"A{n}", "2026-10-20", currency) for n, currency in enumerate(paid)))
    found = {check.check: check.sample for check in banked.run("silver").checks if not check.passed}
    doubtful = [(r["currency"], str(r["published_date"])) for r in found["own_rates_are_plausible"]]
    assert sorted(doubtful) == [("AED", "2026-10-01"), ("RUB", "2026-10-01"), ("SAR", "2026-10-20")]
    unused = [(r["currency"], r["the_bank_has_them"]) for r in found["own_rates_are_used"]]
    assert unused == [("KES", False), ("USD", True)]
