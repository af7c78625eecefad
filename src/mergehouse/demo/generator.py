"""Writes both demonstration exports into a project, and `truth.json`: every figure that a correct run must
find.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from mergehouse.demo.board import write_board
from mergehouse.demo.csv_file import write_csv
from mergehouse.demo.multitable import write_multitable
from mergehouse.demo.people import COLUMNS, members
from mergehouse.demo.population import countries
from mergehouse.demo.truth import BrandTruth, group_kpis
from mergehouse.demo.wide import write_wide
from mergehouse.errors import ConfigError
from mergehouse.json_text import json_text
from mergehouse.machine import GB, unwritable
from mergehouse.project.brand import Brand
from mergehouse.project.config import load_project
from mergehouse.project.yaml_file import parse_yaml
from mergehouse.storage import is_url

EXPORTS = Path(__file__).with_name("exports.yml")
OURS = re.compile(r"(^|_)demo[_.]")  # in the name of every file written
WIDE_SHARE = 0.9
LINE_BYTES = 100  # about what a line takes in the files
UNKNOWN_PAIRS = "truth_unknown_pairs.csv"
SHARED_SHARE = 0.04  # of all customers, customers of both brands


def generate(
    folder: Path, lines: int, seed: int, progress: Callable[[int], None] = lambda _: None
) -> dict[str, Any]:
    """Writes `lines` order lines (repeats and torn rows on top) and returns the truth that is also in
    `truth.json`.

    The same seed gives the same bytes. Memory does not grow with `lines`, but for a few bytes a customer and
    an order. Raises ConfigError where `folder` is no project with the two brands, their folders hold other
    exports, or the disk has no room.
    """
    exports = parse_yaml(EXPORTS.read_text(encoding="utf-8"))
    project = load_project(folder)
    _expect_space(folder, lines)
    brands = {}
    for shape, spec in exports.items():
        if spec["brand"] not in project.brands:
            raise ConfigError(
                f"{folder}: the demonstration needs the brand `{spec['brand']}`; `mergehouse init` writes it."
            )
        brands[shape] = project.brands[spec["brand"]]
        _make_room(_raw_folder(brands[shape]))
    wide_lines = max(1, round(lines * WIDE_SHARE))
    try:
        wide = write_wide(exports["wide"], _raw_folder(brands["wide"]), wide_lines, seed, progress)
        multi = write_multitable(
            exports["multitable"], _raw_folder(brands["multitable"]), max(1, lines - wide_lines), seed,
            lambda done: progress(wide_lines + done),
        )  # fmt: skip
        pairs = _shared_customers(wide, multi, seed)
        _write_pairs(brands["multitable"].folder / "customer_xref.csv", wide, multi, pairs)
        unknown = _write_members(exports, brands, {"multitable": multi, "wide": wide}, pairs, seed)
        _write_pairs(folder / UNKNOWN_PAIRS, wide, multi, unknown)
        write_board(project.mappings_folder, [(exports["wide"], wide), (exports["multitable"], multi)])
        truth = {
            "seed": seed,
            "lines": lines,
            "brands": {wide.brand: wide.as_dict(), multi.brand: multi.as_dict()},
            "group": group_kpis(wide, multi, pairs),
            "shared_customers": {
                "pairs": len(pairs),
                "file": str(Path("brands") / multi.brand / "customer_xref.csv"),
                "unknown_pairs": len(unknown),
                "unknown_file": UNKNOWN_PAIRS,
            },
        }
        (folder / "truth.json").write_text(json_text(truth) + "\n", encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"the exports in {unwritable(folder, error)}") from None
    return truth


def _expect_space(folder: Path, lines: int) -> None:
    needed, free = lines * LINE_BYTES, shutil.disk_usage(folder).free
    if needed > free:
        raise ConfigError(
            f"{folder}: {lines:,} order lines take about {needed / GB:,.1f} GB, and {free / GB:,.1f} GB are"
            " free. Generate fewer with --lines, or choose another disk."
        )


def _raw_folder(brand: Brand) -> Path:
    if is_url(brand.landing_zone):
        raise ConfigError(
            f"{brand.landing_zone}: the demonstration is written into folders; give {brand.label} one as"
            " `raw`."
        )
    return Path(brand.landing_zone)


def _make_room(raw: Path) -> None:
    """An empty raw folder. Demonstration files of an earlier time make way; other exports are never
    touched.
    """
    raw.mkdir(parents=True, exist_ok=True)
    there = sorted(p for p in raw.iterdir() if not p.name.startswith("."))
    foreign = [p for p in there if not OURS.search(p.name)]
    if foreign:
        raise ConfigError(
            f"{foreign[0]}: exports are there already; the demonstration is written into a project without"
            " any."
        )
    for file in there:
        file.unlink()


def _shared_customers(wide: BrandTruth, multi: BrandTruth, seed: int) -> np.ndarray:
    """Pairs (customer of the multitable brand, buyer of the wide brand), each customer at most once. Shape
    (n, 2).
    """
    rng = np.random.default_rng([seed, 3])
    registered, buyers = np.arange(len(multi.orders_of_customer)), np.flatnonzero(wide.buyers)
    together = (len(registered) + len(buyers)) * SHARED_SHARE / (1 + SHARED_SHARE)
    count = min(round(together), len(registered), len(buyers))
    return np.column_stack([rng.permutation(registered)[:count], rng.permutation(buyers)[:count]])


def _write_members(
    exports: dict[str, Any],
    brands: dict[str, Brand],
    truths: dict[str, BrandTruth],
    known: np.ndarray,
    seed: int,
) -> np.ndarray:
    """What both loyalty programmes know of their members. Returns the pairs of one person that nobody has
    told, as `known` has the others: they live in one country.
    """
    rng = np.random.default_rng([seed, 6])
    live_in = {
        shape: countries(exports[shape], np.arange(len(truth.orders_of_customer)))
        for shape, truth in truths.items()
    }
    multi, wide = (
        pl.DataFrame({"customer": np.arange(len(home)), "country": home}).sample(
            fraction=1, shuffle=True, seed=seed
        )
        for home in (live_in["multitable"], live_in["wide"])
    )
    place = pl.int_range(pl.len()).over("country").alias("place")
    free = multi.filter(~pl.col("customer").is_in(known[:, 0])).with_columns(place)
    buyers = wide.filter(
        pl.Series(truths["wide"].buyers)[wide["customer"]], ~pl.col("customer").is_in(known[:, 1])
    )
    found = free.join(buyers.with_columns(place), on=["country", "place"], suffix="_wide").sort("customer")
    unknown = rng.permutation(found.select("customer", "customer_wide").to_numpy())[: len(known)]
    told = members(multi.height, wide.height, np.concatenate([known, unknown]), rng)
    for (shape, truth), people in zip(truths.items(), told, strict=True):
        rows = people.with_columns(
            customer_id=truth.first_customer + pl.int_range(pl.len()), country=live_in[shape]
        )
        joined = rows.filter(pl.Series(truth.buyers)) if shape == "wide" else rows
        file = _raw_folder(brands[shape]) / exports[shape]["members"]
        joined.select("customer_id", *COLUMNS, "country").write_csv(file)
    return unknown


def _write_pairs(file: Path, wide: BrandTruth, multi: BrandTruth, pairs: np.ndarray) -> None:
    header = ["source_customer_id", "other_source_system", "other_source_customer_id"]
    rows = ([multi.first_customer + int(a), wide.brand, wide.first_customer + int(b)] for a, b in pairs)
    write_csv(file, header, rows)
