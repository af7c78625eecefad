"""Small projects to test with: the templates' two brands, and `shop`, a brand that no code has heard of."""

from __future__ import annotations

import gc
import pickle
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from copy import copy
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from mergehouse.cli.scaffold import write_project
from mergehouse.contracts.registry import contract_of
from mergehouse.demo import generate
from mergehouse.engine.duckdb import DuckDBEngine
from mergehouse.lakehouse.delta import Lakehouse
from mergehouse.lakehouse.files import types_of
from mergehouse.lakehouse.reader import create_view
from mergehouse.machine import cores
from mergehouse.pipeline.results import RunResult
from mergehouse.pipeline.run import run
from mergehouse.project.config import Project, load_project
from mergehouse.project.settings import Limits
from mergehouse.quality.checks import check_table
from mergehouse.science.registry.mlflow_client import connected
from tests.prepared import prepared, pytest_configure, pytest_unconfigure  # noqa: F401 - they are hooks

pytest_plugins = ["pytester", "tests.budget", "tests.storage.servers"]
LACKING = "mergehouse.science.customer_scores.lacking"
DEMO_LINES, DEMO_SEED = 12_000, 7
Demo = tuple[Project, dict, RunResult]
SHOP_HEADER = "order,line,when,item,title,qty,price,customer,country,currency"
SHOP_BRAND = """
label: Shop
currency: EUR
timezone: Europe/Berlin
quarantine: {stop: 100 %}
sources:
  lines:
    files: "lines*"
    columns:
      order: {type: code}
      line: {type: code}
      when: {type: timestamp}
      item: {type: code}
      title: {type: text}
      qty: {type: number}
      price: {type: number}
      customer: {type: code}
      country: {type: text}
      currency: {type: code}
"""
SHOP_ORDER_LINES = """
SELECT `order` AS order_id, line AS line_id, `when` AS order_local_ts,
  item AS product_code, title AS product_name, qty AS quantity, price AS unit_price,
  customer AS customer_code, country, currency, batch_id, source_row, ingest_ts
FROM lines
"""

# orders have headers of their own, which say whose they are
HEADED_BRAND = (
    SHOP_BRAND
    + """
  heads:
    files: "heads*"
    key: [number]
    columns:
      number: {type: code}
      customer: {type: code}
"""
)
HEADED_LINES = (
    SHOP_ORDER_LINES.replace("customer AS customer_code", "h.customer AS customer_code")
    .replace("FROM lines", "FROM lines AS l LEFT JOIN heads AS h ON h.number = l.`order`")
    .replace("batch_id, source_row, ingest_ts", "l.batch_id, l.source_row, l.ingest_ts")
)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """One more than cores: a third of the time a worker waits for a browser, a server or a program. Long
    tests leave a core to Spark as it is.
    """
    return cores() + 1 if "not long" in config.option.markexpr else cores()


def pytest_collection_finish() -> None:
    """What is loaded by now stays: the collector need not look at all of it again and again."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def runs_without_scores() -> Iterator[None]:
    """Runs do as where the extra `science` is not installed: scores take seconds, and few tests are about
    them.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(LACKING, lambda: "a test has not asked for scores")
        yield


@contextmanager
def with_scores() -> Iterator[None]:
    """Runs within make scores."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(LACKING, lambda: "")
        yield


class Shop:
    """A project with one brand of one source, written where there is none; `deliver` puts a file, `run` runs,
    `rows` queries.
    """

    def __init__(self, folder: Path):
        self.folder = folder
        self.brand, self.raw = folder / "brands" / "shop", folder / "raw" / "shop"
        if folder.exists():
            return
        write_project(folder)
        for brand in ("eurostyle", "contoso"):
            shutil.rmtree(folder / "brands" / brand)
        self.with_science(False)
        self.brand.mkdir()
        self.configure(SHOP_BRAND)
        (self.brand / "order_lines.sql").write_text(SHOP_ORDER_LINES)
        self.raw.mkdir(parents=True)

    def with_science(self, wanted: bool = True) -> Shop:
        """With or without features and outcomes, a tenth of a run, which few tests are about."""
        config = self.folder / "mergehouse.yml"
        is_now = f"science: {str(not wanted).lower()}"
        config.write_text(config.read_text().replace(is_now, f"science: {str(wanted).lower()}"))
        return self

    def copy(self, folder: Path) -> Shop:
        """Another shop with all that this one has."""
        return Shop(Path(shutil.copytree(self.folder, folder)))

    def another(self, name: str) -> Shop:
        """Another brand of the same project, which reads its exports as this one does."""
        other = copy(self)
        other.brand, other.raw = self.folder / "brands" / name, self.folder / "raw" / name
        shutil.copytree(self.brand, other.brand)
        other.raw.mkdir()
        return other

    def brands(self, *names: str) -> list[Shop]:
        """Brands of these names in place of its own: cases that one run tries, each apart from the others."""
        brands = [self.another(name) for name in names]
        for folder in (self.brand, self.raw):
            shutil.rmtree(folder)
        return brands

    def configure(self, text: str) -> None:
        (self.brand / "brand.yml").write_text(text)

    def deliver(self, content: str | bytes, name: str = "lines.csv") -> Path:
        file = self.raw / name
        file.write_bytes(content.encode() if isinstance(content, str) else content)
        return file

    def deliver_lines(self, *lines: str, name: str = "lines.csv", header: str = SHOP_HEADER) -> Path:
        return self.deliver("\n".join([header, *lines]) + "\n", name)

    @property
    def project(self) -> Project:
        return load_project(self.folder)

    @property
    def lakehouse(self) -> Lakehouse:
        return Lakehouse(self.project.lakehouse_location)

    def run(self, until: str | None = None, scores: bool = False, **options: object) -> RunResult:
        with with_scores() if scores else nullcontext():
            if scores:
                self.with_science()
            return run(self.project, until=until, **options)  # type: ignore[arg-type]

    def failure(self) -> str:
        """The message of the one source that stopped."""
        failures = self.run(until="bronze").ingest.failures
        assert list(failures) == ["bronze.shop_lines"]
        return str(failures["bronze.shop_lines"])

    def rows(self, sql: str) -> list[tuple]:
        return self.lakehouse.query(sql).fetchall()


def broken_promises(lakehouse: Lakehouse, name: str) -> list[str]:
    """What a table's contract says that does not hold: its columns' types, or a check."""
    contract, delta = contract_of(name), lakehouse.delta(name)
    engine = DuckDBEngine(Limits(), lakehouse, lakehouse.root / "scratch")
    create_view(engine.connection, name if "." in name else f"main.{name}", delta)
    rows, results = check_table(engine, contract)
    assert rows
    return [r.check for r in results if not r.passed] + (
        ["types"] if types_of(delta) != contract.types else []
    )


def prepared_shop(name: str, fill: Callable[[Shop], object], folder: Path) -> Shop:
    """A copy, in `folder`, of the shop that `fill` has filled once."""

    def make(original: Path) -> None:
        fill(Shop(prepared("shop", shop_with_rates, original)))

    return Shop(prepared(name, make, folder))


def database_of_models(folder: Path) -> None:
    """MLflow's database, without anything in it: to make its tables takes five seconds."""
    with TemporaryDirectory() as other:
        shop = Shop(Path(other) / "project")
        with connected(shop.project) as client:
            client.search_experiments()
        shutil.copytree(shop.folder / "mlflow", folder / "mlflow")


def with_database_of_models(shop: Shop) -> Shop:
    prepared("database of models", database_of_models, shop.folder)
    return shop


def shop_with_rates(folder: Path) -> None:
    """A shop to which nothing was delivered yet. Exchange rates, half of what its first run would take, are
    published.
    """
    shop = Shop(folder)
    shop.run(select="silver.fx_rates_eur")
    for path in (folder / "lakehouse").glob("*"):
        if path.name != "silver":
            shutil.rmtree(path) if path.is_dir() else path.unlink()


@pytest.fixture
def shop(tmp_path: Path, request: pytest.FixtureRequest) -> Shop:
    shop = Shop(prepared("shop", shop_with_rates, tmp_path / "project"))
    return shop.with_science() if request.node.get_closest_marker("science") else shop


@pytest.fixture(scope="session")
def open_shop(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Shop]:
    """Opens shops for fixtures that serve many tests."""
    return lambda: Shop(prepared("shop", shop_with_rates, tmp_path_factory.mktemp("shop") / "project"))


@pytest.fixture
def sold(tmp_path: Path) -> Shop:
    """A shop that has sold three mugs, run to Gold."""
    return prepared_shop("sold", three_mugs, tmp_path / "project")


def three_mugs(shop: Shop) -> None:
    shop.deliver_lines(*(f"A{n},1,2026-03-{n:02} 10:00:00,P1,Mug,2,5.00,77,Germany,EUR" for n in range(1, 4)))
    assert not shop.run().failed


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    """The generated exports, run to Gold: (project, truth, result). Read only."""
    folder = prepared("demo", demo_to_gold, tmp_path_factory.mktemp("demo"))
    return load_project(folder), *pickle.loads((folder / "made.pickle").read_bytes())


def demo_to_gold(folder: Path) -> None:
    write_project(folder)
    truth = generate(folder, DEMO_LINES, DEMO_SEED)
    result = run(load_project(folder))
    (folder / "made.pickle").write_bytes(pickle.dumps((truth, result)))
