"""Whatever is delivered, in whatever order, equals a full rebuild from the same Bronze."""

from __future__ import annotations

import datetime as dt
import re
import shutil
import tempfile
from functools import partial
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st
from tests.pipeline.rebuilds import RATES, differences
from tests.prepared import prepared

from mergehouse.cli.scaffold import write_project
from mergehouse.demo import generate
from mergehouse.engine import duckdb as duckdb_engine
from mergehouse.lakehouse.delta import Lakehouse
from mergehouse.pipeline.run import run
from mergehouse.project.config import load_project

LONG = pytest.mark.long("several deliveries, and a rebuild to compare them with")
LINES = 1_500
# days of the demonstration's years on which the clocks change, those before, and others that are none of most
ODD_DAYS = {
    "2009": [(12, 31), (12, 30)],
    "2010": [(1, 1), (2, 28), (3, 1), (3, 27), (3, 28), (10, 30), (10, 31), (12, 31)],
    "2011": [(1, 1), (2, 28), (3, 26), (3, 27), (10, 29), (10, 30)],
    "2023": [(7, 1), (10, 28), (10, 29), (12, 31)],
    "2024": [(1, 1), (2, 28), (2, 29), (3, 1), (3, 30), (3, 31), (10, 26), (10, 27), (12, 31)],
    "2025": [(1, 1), (2, 28), (3, 1), (3, 29), (3, 30), (4, 1), (6, 30)],
}
ODD_TIMES = ["00:00:00", "00:59:59", "01:00:00", "01:30:00", "02:00:00", "03:00:00", "08:25:00", "23:59:59"]
ORDER_TIME = re.compile(r"\b(20\d\d-\d\d-\d\d( \d\d:\d\d:\d\d)?|\d+/\d+/20\d\d \d+:\d\d)\b")
TODAY = dt.datetime.now(dt.UTC).date().toordinal()
HISTORIES = [  # (seed, number of histories): others on every day, and 200 that stay the same
    *(pytest.param(2 * TODAY + n, 3, marks=LONG) for n in range(2)),
    *(pytest.param(n, 50, marks=[LONG, pytest.mark.thorough]) for n in range(1, 5)),
]


@pytest.fixture(scope="module")
def exports(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """Header and rows of every file of a small demonstration, by path under raw/."""
    folder = tmp_path_factory.mktemp("exports")
    write_project(folder)
    generate(folder, LINES, 11)
    raw = folder / "raw"
    return {
        str(f.relative_to(raw)): with_odd_days(f.read_text(encoding="utf-8").splitlines())
        for f in sorted(raw.glob("*/*.csv"))
    }


def with_odd_days(rows: list[str]) -> list[str]:
    """The rows with every fifth time of an order at an odd one of the year it is in: on and around days on
    which the clocks change in London and Madrid, leap days, ends of years.
    """
    return [
        ORDER_TIME.sub(partial(at_odd_time, number // 5), row) if number % 5 == 0 else row
        for number, row in enumerate(rows)
    ]


def at_odd_time(number: int, found: re.Match[str]) -> str:
    year = next(part for part in re.split("[-/ ]", found[0]) if len(part) == 4)
    if year not in ODD_DAYS:
        return found[0]
    turn, place = divmod(number, len(ODD_DAYS[year]))
    (month, day), time = ODD_DAYS[year][place], ODD_TIMES[turn % len(ODD_TIMES)]
    if "/" in found[0]:
        return f"{month}/{day}/{year} {time[:5]}"
    return f"{year}-{month:02}-{day:02}{' ' + time if ':' in found[0] else ''}"


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with the rates and nothing else: what every history has in common."""
    return prepared("start", rates_alone, tmp_path_factory.mktemp("start"))


def rates_alone(folder: Path) -> None:
    """Lines come before their orders here: that is no reason to hold a brand back."""
    write_project(folder)
    for brand in folder.glob("brands/*/brand.yml"):
        brand.write_text(brand.read_text(encoding="utf-8") + "quarantine: {stop: 100 %}\n", encoding="utf-8")
    run(load_project(folder), select=RATES)


@st.composite
def histories(draw: st.DrawFn) -> list[tuple[float, float, int, bool]]:
    """Cuts of every file into pieces, as (from, to, delivery, corrected) in shares of the file; some overlap,
    some come twice.
    """
    deliveries = draw(st.integers(2, 3))
    cuts = sorted(draw(st.lists(st.floats(0.02, 0.98), min_size=1, max_size=3)))
    bounds = [0.0, *cuts, 1.0]
    share = st.floats(0, 1)
    pieces = [
        (a, b, draw(st.integers(0, deliveries - 1)), False) for a, b in zip(bounds, bounds[1:], strict=False)
    ]
    for _ in range(draw(st.integers(0, 2))):
        a = draw(share)
        pieces.append(
            (
                a,
                min(1.0, a + draw(st.floats(0.01, 0.3))),
                draw(st.integers(0, deliveries - 1)),
                draw(st.booleans()),
            )
        )
    return pieces


def piece_rows(rows: list[str], a: float, b: float, corrected: bool) -> list[str]:
    body = rows[1:]
    chosen = body[round(a * len(body)) : round(b * len(body))]
    if corrected:  # another quantity, in the files that have one; other files come again as they are
        at = next((i for i, name in enumerate(rows[0].split(",")) if name.lower() == "quantity"), None)
        if at is not None:
            cells = [row.split(",") for row in chosen if row.count(",") == rows[0].count(",")]
            chosen = [",".join([*c[:at], "3", *c[at + 1 :]]) for c in cells]
    return chosen


@pytest.mark.parametrize(("number", "histories_tried"), HISTORIES)
def test_any_history_of_deliveries_equals_a_full_rebuild(
    number: int,
    histories_tried: int,
    exports: dict[str, list[str]],
    start: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With a Data Vault every other time, and held in memory now and then."""
    updated = 0

    @seed(number)
    @settings(
        max_examples=histories_tried, deadline=None, database=None, suppress_health_check=list(HealthCheck)
    )
    @given(lines=histories(), headers=histories(), others=histories(), held=st.booleans())
    def any_history(lines: list, headers: list, others: list, held: bool) -> None:
        nonlocal updated
        folder = Path(tempfile.mkdtemp())
        shutil.copytree(start, folder, dirs_exist_ok=True)
        if number % 2:
            with (folder / "mergehouse.yml").open("a") as config:
                config.write("\nvault: true\n")
        try:
            monkeypatch.setattr(duckdb_engine, "FEW_ROWS", 10_000 if held else -1)
            for delivery in range(3):
                for name, rows in exports.items():
                    deliver(
                        folder / "raw" / name,
                        rows,
                        headers if "_sales." in name else lines if is_fact(name) else others,
                        delivery,
                    )
                result = run(load_project(folder))
                updated += sum(t.status == "updated" for t in result.tables)
            assert not result.failed, [t for t in result.tables if t.reason]
            assert differences(Lakehouse(folder / "lakehouse"), folder) == {}
        finally:
            shutil.rmtree(folder)

    any_history()
    assert updated > 2 * histories_tried  # tables that were brought up to date, not rebuilt


def is_fact(name: str) -> bool:
    return "salesitems" in name or "online_retail" in name


def deliver(path: Path, rows: list[str], pieces: list, delivery: int) -> None:
    """Writes one delivery's pieces of an exported file, each as a file of its own."""
    path.parent.mkdir(parents=True, exist_ok=True)
    for number, (a, b, when, corrected) in enumerate(pieces):
        chosen = piece_rows(rows, a, b, corrected) if when == delivery else []
        if chosen:
            stem = (
                f"{path.stem}_{delivery}{number}"
                if "online_retail" in path.name
                else f"{delivery}{number}_{path.stem}"
            )
            (path.parent / f"{stem}.csv").write_text("\n".join([rows[0], *chosen]) + "\n", encoding="utf-8")
