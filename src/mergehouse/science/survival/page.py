"""Everything about how long a brand's customers stay: computed, kept in Gold, and on a page of its own."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import duckdb

from mergehouse.charts.pages import drawn, environment, put_pages
from mergehouse.contracts.parts import is_off
from mergehouse.contracts.registry import contract_of
from mergehouse.errors import FitError, LakehouseError
from mergehouse.lakehouse.delta import Lakehouse
from mergehouse.lakehouse.reader import limited
from mergehouse.lakehouse.writing import replace_brand
from mergehouse.progress import Progress, silent
from mergehouse.project.config import Project
from mergehouse.project.mapping_files import mapping_tables
from mergehouse.science.survival import figures as survival_figures
from mergehouse.science.survival.cox import EARLY, SUSPECT, fit_hazards
from mergehouse.science.survival.curves import SHARES, survivals, watch, words
from mergehouse.science.survival.inactivity import FEWEST, inactivity
from mergehouse.science.survival.inactivity_figure import inactivity as inactivity_curve
from mergehouse.science.survival.outlook import EXPECTED_WITHIN, SILENT_WITHIN, outlook
from mergehouse.science.survival.tables import BrandSurvival, tables

HERE = Path(__file__).parent
FOLDER = "models"
READ = ("silver.customer_days", "gold.dim_brand", "gold.customer_features")
Found = TypeVar("Found")


def write_survival(project: Project, brand: str, progress: Progress = silent) -> str:
    """Computes a brand's survival, replaces its rows in four Gold tables, and writes
    `models/<brand>-survival.html`.

    Returns the page's path or URL. The caller holds the lakehouse and publishes (`exclusive`,
    `republishing`). Raises FitError where no known customer has bought, LakehouseError where a table it reads
    is not published.
    """
    return keep_survival(project, brand_survival(project, brand, progress))


def keep_survival(project: Project, found: BrandSurvival) -> str:
    """The second half of `write_survival`: what was computed, written."""
    lakehouse = Lakehouse(project.lakehouse_location, newest=True)
    brand = found.watch.brand
    for table, rows in tables(found).items():
        replace_brand(lakehouse, contract_of(f"gold.{table}"), rows, brand)
    return put_pages(lakehouse, {f"{FOLDER}/{brand}-survival.html": page(project, found)})[0]


def brand_survival(project: Project, brand: str, progress: Progress = silent) -> BrandSurvival:
    """The first half of `write_survival`: nothing is written, so that it may run beside whatever writes."""
    progress(f"{brand}: survival")
    with _opened(project, Lakehouse(project.lakehouse_location, newest=True)) as connection:
        seen = watch(connection, brand, project.churn_after_days(brand))
        if seen is None:
            raise FitError(
                f"{brand}: no known customer has bought yet; survival needs orders with a customer number."
            )
        segments = [name for (name,) in connection.sql("SELECT segment FROM mapping.rfm_segments").fetchall()]
        return BrandSurvival(
            seen,
            tuple(dict.fromkeys(segments)),
            tuple(survivals(connection, seen)),
            or_reason(lambda: fit_hazards(connection, seen)),
            or_reason(lambda: outlook(connection, seen)),
            inactivity(connection, seen.first, seen.as_of, seen.churn_after_days),
        )


def page(project: Project, found: BrandSurvival) -> str:
    templates = environment(HERE)
    templates.filters["words"] = lambda survival: words(survival, found.watch.churn_after_days)
    names = ("survival_curve", "hazard_bars", "ratio_ranges", "value_ranges")
    templates.globals["draw"] = {name: drawn(getattr(survival_figures, name)) for name in names} | {
        "inactivity": drawn(inactivity_curve)
    }
    return templates.get_template("survival.html.j2").render(
        project=project.config.name, label=project.brands[found.watch.brand].label, brand=found.watch.brand,
        found=found, shares=SHARES, early=EARLY, suspect=SUSPECT, fewest=FEWEST, silent_within=SILENT_WITHIN,
        expected_within=EXPECTED_WITHIN,
    )  # fmt: skip


@contextmanager
def _opened(project: Project, lakehouse: Lakehouse):
    """A connection with the tables read and the segment table. What DuckDB cannot do becomes a
    LakehouseError.
    """
    for name in READ:
        if not lakehouse.exists(name):
            off = is_off(contract_of(name), project)
            mend = "set `science: true` in mergehouse.yml, then " if off else ""
            raise LakehouseError(
                f"{lakehouse.location}: {name} is not published yet; {mend}`mergehouse run` builds it."
            )
    with lakehouse.pinned(), limited(project.config.limits) as connection:
        lakehouse.reading(*READ, connection=connection)
        columns, rows = mapping_tables(project)["rfm_segments"]
        connection.execute(
            "CREATE SCHEMA mapping; CREATE TABLE mapping.rfm_segments"
            f" ({', '.join(f'{c} VARCHAR' for c in columns)})"
        )
        connection.executemany("INSERT INTO mapping.rfm_segments VALUES ($1, $2, $3)", rows)
        try:
            yield connection
        except duckdb.OutOfMemoryException as error:
            raise LakehouseError(
                f"survival: not enough memory ({str(error).splitlines()[0]}). Raise `limits.memory` in"
                " mergehouse.yml."
            ) from None


def or_reason(compute: Callable[[], Found]) -> Found | str:
    """What is computed, or in words why it cannot be fitted.

    >>> or_reason(lambda: 0.5)
    0.5
    """
    try:
        return compute()
    except FitError as error:
        return str(error)
