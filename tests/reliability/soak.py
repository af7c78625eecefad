"""Many small deliveries with everything that goes wrong, against a rebuild from the same files.

`make soak` tries 500, or as many as DELIVERIES says; SEED repeats a history.
"""

from __future__ import annotations

import datetime as dt
import os
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import pytest
from deltalake import DeltaTable, write_deltalake
from tests.conftest import HEADED_BRAND, HEADED_LINES, Shop, shop_with_rates
from tests.prepared import prepared

from mergehouse.lakehouse.delta import Lakehouse
from mergehouse.lakehouse.reader import connect, select

LINES, AT_ONCE = 20, 3  # of a delivery; so many deliveries at most come between two runs
EVERY = 50  # deliveries, after which costs are told, and tables compared
SHARE_KILLED, SHARE_MEDDLED = 0.2, 0.15  # of runs
ODD = [  # Berlin's clocks change, and years end
    "2026-03-28 23:30:00", "2026-03-29 01:59:59", "2026-03-29 03:00:00", "2026-03-29 08:25:00",
    "2025-10-26 01:30:00", "2025-10-26 02:30:00", "2025-10-26 03:00:00", "2024-02-29 00:10:00",
    "2025-12-31 23:59:59", "2026-01-01 00:00:00",
]  # fmt: skip
KILLED = "from mergehouse.cli.main import main; main()"


@dataclass
class Costs:
    """What it has cost, told every so many deliveries."""

    seconds: list[float] = field(default_factory=list)

    def told(self, number: int, lakehouse: Lakehouse) -> str:
        tables = {name: stored(lakehouse, name) for name in lakehouse.tables()}
        files, size = (sum(column) for column in zip(*tables.values(), strict=True))
        most = sorted(tables, key=lambda name: tables[name][1], reverse=True)[:5]
        largest = ", ".join(f"{name} {tables[name][0]} files {tables[name][1] / 1e6:.1f} MB" for name in most)
        last = median(self.seconds[-EVERY:] or [0])
        return f"{number} deliveries: {last:.2f} s a run, {files} files, {size / 1e6:.1f} MB; {largest}"


def stored(lakehouse: Lakehouse, name: str) -> tuple[int, int]:
    """Files and bytes of a table, those of its log and of earlier versions too."""
    found = [path for path in lakehouse.root.joinpath(*name.split(".")).rglob("*") if path.is_file()]
    return len(found), sum(path.stat().st_size for path in found)


def soak(folder: Path, deliveries: int, seed: int, say: Callable[[str], object] = print) -> list[str]:
    """What went wrong in so many deliveries; empty where the tables are those of a rebuild all the time."""
    chance, costs, problems = random.Random(seed), Costs(), list[str]()
    empty = two_sources(Shop(prepared("shop", shop_with_rates, folder / "empty")))
    shop = empty.copy(folder / "soaked")
    sold: list[str] = []
    done = 0
    while done < deliveries:
        before = done
        for _ in range(min(chance.randint(1, AT_ONCE), deliveries - done)):
            done += 1
            deliver(shop, done, sold, chance)
        did = disturb(shop, costs, chance) if shop.lakehouse.exists("gold.sales_daily") else ""
        began = time.perf_counter()
        result = shop.run()
        costs.seconds += [] if did else [time.perf_counter() - began]
        if result.failed:
            problems.append(f"delivery {done}{did}: the run failed: {result!r}")
            say(problems[-1])
        if done // EVERY > before // EVERY or done == deliveries:
            say(costs.told(done, shop.lakehouse))
            for name, rows in unequal(shop, rebuilt(empty, shop, folder / "rebuilt")).items():
                problems.append(f"delivery {done}{did}: {rows} rows of {name} are not those of a rebuild")
                say(problems[-1])
    return problems


def two_sources(shop: Shop) -> Shop:
    shop.configure(HEADED_BRAND)
    either = HEADED_LINES.replace("h.customer AS", "COALESCE(h.customer, l.customer) AS")
    (shop.brand / "order_lines.sql").write_text(either)
    shop.deliver("number,customer\nA0,K0\n", "heads_0000.csv")
    return shop


def deliver(shop: Shop, number: int, sold: list[str], chance: random.Random) -> None:
    """A file of new lines, late ones, corrections and repeats, and now and then who ordered."""
    lines = []
    for n in range(LINES):
        kind = chance.random()
        if sold and kind < 0.1:
            lines.append(chance.choice(sold))
        elif sold and kind < 0.25:
            cells = chance.choice(sold).split(",")
            lines.append(",".join([*cells[:5], str(chance.randint(1, 9)), *cells[6:]]))
        else:
            day = dt.datetime(2024, 1, 1) + dt.timedelta(minutes=chance.randint(0, 1_000_000))
            when = chance.choice(ODD) if kind > 0.8 else f"{day:%Y-%m-%d %H:%M:%S}"
            item, customer, price = chance.randint(1, 40), chance.randint(1, 60), chance.randint(100, 9999)
            country, currency = chance.choice(
                [("Germany", "EUR"), ("United Kingdom", "GBP"), ("Spain", "EUR")]
            )
            lines.append(
                f"A{number * 7 + n // 3},{n},{when},P{item},Mug {item},{chance.randint(1, 9)},"
                f"{price / 100},{customer},{country},{currency}"
            )
    shop.deliver_lines(*lines, name=f"lines_{number:04}.csv")
    sold += lines
    if chance.random() < 0.3:
        heads = [f"A{chance.randint(0, number * 7 + 20)},K{chance.randint(1, 30)}" for _ in range(5)]
        shop.deliver("\n".join(["number,customer", *heads]) + "\n", f"heads_{number:04}.csv")


def disturb(shop: Shop, costs: Costs, chance: random.Random) -> str:
    """Kills a run at some moment, or writes a table as another program would. What it did, in words."""
    did = ""
    if chance.random() < SHARE_MEDDLED:
        did += meddle(shop.lakehouse, chance)
    if chance.random() < SHARE_KILLED:
        process = subprocess.Popen(
            [sys.executable, "-c", KILLED, "run", "-C", str(shop.folder)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        after = chance.uniform(0.3, 1.5) * (1 + median(costs.seconds or [2]))
        try:
            process.wait(after)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            did += f", killed after {after:.1f} s"
    return did


def meddle(lakehouse: Lakehouse, chance: random.Random) -> str:
    """Rows of a table of Silver or Gold are doubled, deleted or appended."""
    names = [name for name in lakehouse.tables() if name[:4] in ("silv", "gold") and lakehouse.rows(name) > 1]
    name, kind = chance.choice(sorted(names)), chance.choice(["doubled", "deleted", "appended"])
    rows = lakehouse.table(name).polars()
    if kind == "deleted":
        column, value = rows.columns[0], rows[rows.columns[0]].drop_nulls()[0]
        DeltaTable(lakehouse.address(name)).delete(f"CAST({column} AS VARCHAR) = '{value}'")
    else:
        more = rows if kind == "doubled" else rows.head(2)
        write_deltalake(lakehouse.address(name), more.to_arrow(), mode="append")
    return f", {kind} rows in {name}"


def rebuilt(empty: Shop, shop: Shop, folder: Path) -> Lakehouse:
    """Another project's lakehouse, built at once from all files that there are."""
    shutil.rmtree(folder, ignore_errors=True)
    other = empty.copy(folder)
    shutil.copytree(shop.raw, other.raw, dirs_exist_ok=True)
    result = other.run()
    assert not result.failed, repr(result)
    return other.lakehouse


def unequal(shop: Shop, other: Lakehouse) -> dict[str, int]:
    """By table of Silver and Gold, how many rows differ. When a delivery was loaded is no part of it."""
    found, connection = {}, connect()
    for name in other.tables():
        if not name.startswith(("silver.", "gold.")):
            continue
        sides = [
            f"(SELECT * EXCLUDE ({when}) FROM ({select(connection, lakehouse.delta(name))}))"
            if (when := ", ".join(times(other, name)))
            else f"({select(connection, lakehouse.delta(name))})"
            for lakehouse in (shop.lakehouse, other)
        ]
        both = f"({sides[0]} EXCEPT ALL {sides[1]}) UNION ALL ({sides[1]} EXCEPT ALL {sides[0]})"
        ((rows,),) = connection.execute(f"SELECT count(*) FROM ({both})").fetchall()
        found |= {name: rows} if rows else {}
    return found


def times(lakehouse: Lakehouse, name: str) -> list[str]:
    return [f.name for f in lakehouse.delta(name).schema().fields if f.name == "ingest_ts"]


@pytest.mark.soak
@pytest.mark.long("hundreds of deliveries")
def test_many_deliveries_equal_a_rebuild(tmp_path: Path) -> None:
    deliveries, seed = (
        int(os.environ.get(name, default)) for name, default in (("DELIVERIES", 500), ("SEED", 1))
    )
    assert soak(tmp_path, deliveries, seed) == []
