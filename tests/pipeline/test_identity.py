"""One customer at two brands: what evidence changes reaches every table, ids stay, and no attribute goes
beyond Silver.
"""

from __future__ import annotations

import datetime as dt
import io
import json
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest
from tests.command import call
from tests.conftest import SHOP_BRAND, Shop, prepared_shop
from tests.pipeline.rebuilds import differences

from mergehouse.access.extract import write_extracts
from mergehouse.access.policy import load_policy
from mergehouse.errors import ConfigError
from mergehouse.identity import decisions, guard, linkage, models, unification
from mergehouse.identity.attributes import standardise
from mergehouse.identity.linkage import Candidates
from mergehouse.identity.model import LinkModel
from mergehouse.pipeline.results import RunResult

pytestmark = pytest.mark.slow("several deliveries, and models of linkage")

TOLD = ["first_name", "last_name", "email", "birth_date"]
BRAND = (
    SHOP_BRAND
    + """
  people:
    files: "people*"
    key: [number]
    columns:
      number: {type: code}
      first_name: {type: text}
      last_name: {type: text}
      email: {type: text}
      birth_date: {type: text}
identity: [first_name, last_name, email, birth_date]
"""
)
CUSTOMERS = """
SELECT number AS customer_code, first_name, last_name, email, birth_date FROM people
"""
HEADER = "number,first_name,last_name,email,birth_date"
CANARIES = ("Zyxquil", "Quvondar", "zq@canary.example", "1971-03-29")
KATE = ",".join(CANARIES)


class House:
    """Two brands, `shop` and `other`, of customers with attributes."""

    def __init__(self, shop: Shop):
        self.shop, self.other = (
            shop,
            shop.another("other") if not (shop.folder / "brands/other").exists() else None,
        )
        if self.other is None:
            self.other = Shop(shop.folder)
            self.other.brand, self.other.raw = shop.folder / "brands/other", shop.folder / "raw/other"

    def sell(self, brand: Shop, *customers: str, name: str = "lines.csv") -> None:
        """A mug to each, for 5 euros."""
        stem = name.removesuffix(".csv")
        brand.deliver_lines(
            *(
                f"{stem}{n},1,2026-03-0{1 + n % 9} 10:00:00,P1,Mug,1,5.00,{c},DE,EUR"
                for n, c in enumerate(customers)
            ),
            name=name,
        )

    def register(self, brand: Shop, *rows: str, name: str = "people.csv") -> None:
        brand.deliver("\n".join([HEADER, *rows]) + "\n", name)

    def decide(self, *rows: str) -> None:
        header = (
            "source_system,source_customer_id,other_source_system,other_source_customer_id,"
            "decision,decided_by,decided_at,why"
        )
        file = self.shop.folder / "mappings" / "identity_decisions.csv"
        file.write_text("\n".join([header, *rows]) + "\n")

    def trained(self) -> None:
        """A model; the pairs are those of `by_mail`."""
        model = LinkModel(dt.datetime(2026, 1, 1), "0", tuple(TOLD), {}, 0.1, {}, {})
        models.keep(self.shop.project, model)

    def run(self, until: str = "silver") -> RunResult:
        result = self.shop.run(until)
        assert not result.failed, [c.why for c in result.outcomes if c.stops_publication]
        return result

    def ids(self) -> dict[str, tuple[str, str]]:
        rows = self.shop.rows(
            "SELECT source_system || ':' || source_customer_id, customer_id, method FROM silver.customer_xref"
        )
        return {number: (customer, method) for number, customer, method in rows}


def by_mail(customers: pl.DataFrame, model: object, limits: object = None) -> Candidates:
    """Stands for the model: one e-mail, one person; one surname, somebody has to look."""
    keys = ["source_system", "customer_code"]
    a, b = (customers.rename({c: f"{c}_{side}" for c in customers.columns if c in keys}) for side in "ab")
    linked = a.join(b.select("email", "source_system_b", "customer_code_b"), on="email")
    named = a.join(b.select("last_name", "source_system_b", "customer_code_b"), on="last_name")
    pairs = [
        found.filter(pl.col("source_system_a") < pl.col("source_system_b")).select(
            *(c for c in linkage.SCHEMA if c.startswith(("source", "customer"))),
            score=pl.lit(score),
            method=pl.lit("probabilistic"),
            verdict=pl.lit(verdict),
            reason=pl.lit(reason),
            evidence=pl.concat_list(
                pl.struct(attribute=pl.lit("email"), level=pl.lit("equal"), weight=pl.lit(9.5))
            ),
        )
        for found, score, verdict, reason in (
            (linked, 0.97, "link", "person"),
            (
                named.join(linked, on=decisions.PAIR, how="anti"),
                0.7,
                "review",
                "household",
            ),
        )
    ]
    return Candidates(pl.concat(pairs).cast(linkage.SCHEMA), guard.LEFT_OUT.to_frame())  # type: ignore[arg-type]


@pytest.fixture(autouse=True)
def pairs_by_mail(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(linkage, "candidates", by_mail)
    yield


def two_brands(shop: Shop) -> None:
    shop.configure(BRAND)
    (shop.brand / "customers.sql").write_text(CUSTOMERS)
    house = House(shop)
    for brand in (house.shop, house.other):
        house.sell(brand, "K1", "L2", "M3")
    house.register(house.shop, f"K1,{KATE}", "L2,Lea,Low,lea@x.example,1980-01-01")
    house.register(
        house.other, f"K1,{KATE}", "L2,Leo,Low,leo@x.example,1981-01-01", "N9,Nora,Nix,n@x.example,"
    )
    house.run()


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(prepared_shop("two brands with attributes", two_brands, tmp_path / "project"))


@pytest.fixture
def linked(tmp_path: Path) -> House:
    """The same, run again with a model, and to Gold."""

    def link(shop: Shop) -> None:
        shutil.rmtree(shop.folder)
        house = House(prepared_shop("two brands with attributes", two_brands, shop.folder))
        house.trained()
        house.run("gold")

    return House(prepared_shop("two brands, linked", link, tmp_path / "project"))


def test_without_a_model_attributes_link_nobody_and_the_run_says_so(house: House) -> None:
    assert set(house.ids().values()) == {(n, "own") for n in house.ids()}
    house.register(house.shop, "P7,Pia,Pan,p@x.example,", name="people_2.csv")
    notes = [note for t in house.run().tables for note in t.notes]
    assert notes == ["no linkage model yet, so attributes link nobody; `mergehouse identity train`"]
    assert house.shop.rows("SELECT count(*) FROM silver.identity_candidates") == [(0,)]


def test_a_link_reaches_totals_orders_and_sales(linked: House) -> None:
    assert linked.ids()["shop:K1"] == ("other:K1", "probabilistic") == linked.ids()["other:K1"]
    assert linked.shop.rows("SELECT customer_id FROM gold.customer_360 WHERE frequency = 2") == [
        ("other:K1",)
    ]
    assert linked.shop.rows("SELECT verdict, reason FROM silver.identity_candidates ORDER BY 1") == [
        ("link", "person"),
        ("review", "household"),
    ]
    told = "SELECT event, previous_id, customer_id, current_id FROM silver.identity_events"
    assert linked.shop.rows(told) == [("merge", "shop:K1", "other:K1", "other:K1")]


def test_an_update_equals_a_rebuild_and_ids_outlive_it(linked: House) -> None:
    """A late delivery of attributes alone links customers who have bought before."""
    linked.register(linked.shop, "M3,Mo,Mud,m3@x.example,", name="people_2.csv")
    linked.register(linked.other, "M3,Mo,Mud,m3@x.example,", name="people_2.csv")
    linked.sell(linked.shop, "K1", "Q5", name="lines_2.csv")
    result = linked.run("gold")
    scopes = {t.table: t.status for t in result.tables}
    assert scopes["silver.customer_xref"] == scopes["silver.sales_clean"] == "updated"
    assert linked.ids()["shop:M3"] == ("other:M3", "probabilistic")
    assert linked.shop.rows("SELECT frequency FROM gold.customer_360 WHERE customer_id = 'other:M3'") == [
        (2,)
    ]
    assert not any(differences(linked.shop.lakehouse, linked.shop.folder).values())
    before = linked.ids()
    linked.shop.run("silver", full=True)
    assert linked.ids() == before


def test_decisions_win_survive_and_their_faults_are_named(linked: House) -> None:
    linked.decide(
        "shop,K1,other,K1,different,me,2026-05-01,twins",
        "shop,L2,other,L2,same,me,2026-05-01,",
        "shop,L2,other,N9,same,me,2026-05-02,",
        "other,N9,other,L2,different,me,2026-05-03,",
        "shop,L2,other,M3,different,me,2026-05-01,",
        "other,M3,shop,L2,same,me,2026-05-04,a slip",
        "shop,X0,nobody,1,same,me,2026-05-01,",
    )
    found = {
        c.check: c.sample
        for c in linked.run().checks
        if not c.passed and c.table == "silver.identity_registry"
    }
    assert found["decisions_agree"] == [{"row": 6, "decision": "different", "later_row": 7}]
    assert found["decisions_can_be_followed"] == [{"row": 4, "different_row": 5}]
    assert found["decisions_name_customers"][0]["row"] == 8
    assert found["links_can_be_followed"][0]["customer_code_a"] == "K1"
    ids = linked.ids()
    assert ids["shop:K1"] == ("shop:K1", "own")
    assert ids["shop:L2"][0] == ids["other:L2"][0] == ids["other:M3"][0] and ids["other:N9"][0] == "other:N9"
    linked.register(linked.shop, "P7,Pia,Pan,p@x.example,", name="people_2.csv")
    linked.run()
    assert {n: c for n, c in linked.ids().items() if n != "shop:P7"} == ids


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("shop,K1,other,K1,maybe,me,2026-05-01,", "found decision `maybe`; expected same or different"),
        ("shop,K1,other,K1,same,,2026-05-01,", "`decided_by` is empty"),
        ("shop,K1,other,K1,same,me,May,", "found decided_at `May`"),
        ("shop,k1,shop,K1,same,me,2026-05-01,", "both are customer K1 of shop"),
    ],
)
def test_a_decision_that_cannot_be_read_is_named(house: House, row: str, said: str) -> None:
    house.decide(row)
    with pytest.raises(ConfigError, match=r"identity_decisions.csv, row 2: .*" + said):
        house.run()


def test_known_pairs_keep_the_id_that_they_had(tmp_path: Path) -> None:
    shop = Shop(prepared_shop("two brands with attributes", two_brands, tmp_path / "project").folder)
    house = House(shop)
    declared = (shop.brand / "brand.yml").read_text()
    for brand in (house.shop, house.other):
        text = brand.brand / "brand.yml"
        text.write_text(text.read_text().replace("identity:", "# identity:"))
        (brand.brand / "customers.sql").unlink()
    shutil.rmtree(shop.folder / "lakehouse" / "silver" / "identity_registry")
    pairs = "source_customer_id,other_source_system,other_source_customer_id\nM3,shop,L2\n"
    (shop.brand / "customer_xref.csv").write_text(pairs)
    house.decide("shop,K1,other,K1,same,me,2026-05-01,")
    [unread] = [c for c in house.run().checks if c.check == "decisions_are_read"]
    assert unread.failures == 1 and house.ids()["shop:K1"] == ("shop:K1", "own")
    (shop.folder / "mappings" / "identity_decisions.csv").unlink()
    assert house.ids()["shop:M3"] == ("shop:L2", "known_pair")
    for brand in (house.shop, house.other):
        (brand.brand / "brand.yml").write_text(declared)
        (brand.brand / "customers.sql").write_text(CUSTOMERS)
    house.register(house.other, "A0,Lea,Low,lea@x.example,1980-01-01", name="people_2.csv")
    house.trained()
    house.run()
    assert {house.ids()[number][0] for number in ("other:A0", "shop:L2", "shop:M3")} == {"shop:L2"}


def test_a_registry_of_an_earlier_time_loses_nothing_and_is_said(house: House, tmp_path: Path) -> None:
    folder = house.shop.folder / "lakehouse" / "silver" / "identity_registry"
    backup = Path(shutil.copytree(folder, tmp_path / "backup"))
    house.trained()
    house.run()
    before = house.ids()
    shutil.rmtree(folder)
    shutil.copytree(backup, folder)
    result = house.run()
    [finding] = [c for c in result.checks if c.check == "registry_is_whole"]
    told = "SELECT event, previous_id, current_id FROM silver.identity_events"
    assert house.shop.rows(told) == [("restored", "shop:K1", "other:K1")]
    house.register(house.shop, "P7,Pia,Pan,p@x.example,", name="people_2.csv")
    house.run()
    assert finding.failures == 1 and finding.sample[0]["customer_id"] == "other:K1"
    assert {n: c for n, c in house.ids().items() if n != "shop:P7"} == before


def test_a_run_killed_after_the_registry_was_written_is_made_good(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.trained()
    with monkeypatch.context() as patch:
        from mergehouse.lakehouse.staging import exchange as written

        def killed(lakehouse, contract, *rest, **named):  # noqa: ANN001, ANN202
            if contract.table == "silver.customer_xref":
                raise KeyboardInterrupt
            return written(lakehouse, contract, *rest, **named)

        patch.setattr("mergehouse.engine.duckdb.exchange", killed)
        patch.setattr("mergehouse.engine.duckdb.overwrite", killed)
        with pytest.raises((KeyboardInterrupt, TypeError)):
            house.shop.run(select="+silver.customer_xref")
    assert house.ids()["shop:K1"] == ("shop:K1", "own")  # what readers saw before
    result = house.run()
    assert not any(c.check == "registry_is_whole" and not c.passed for c in result.checks)
    assert house.ids()["shop:K1"] == ("other:K1", "probabilistic")
    assert house.shop.rows("SELECT max(entry) FROM silver.identity_registry") == [
        (2,)
    ]  # what was written counts


def test_what_is_declared_and_what_is_given_must_be_the_same(house: House) -> None:
    sql = house.shop.brand / "customers.sql"
    sql.write_text(CUSTOMERS.replace(", birth_date", ""))
    held = house.shop.run("silver").faults["shop"].why
    assert "identity declares `birth_date`" in held and "customers.sql gives no such column" in held
    sql.write_text(CUSTOMERS)
    brand = house.shop.brand / "brand.yml"
    brand.write_text(BRAND.replace(", birth_date]", "]"))
    held = house.shop.run("silver").faults["shop"].why
    assert "`birth_date` tells who a customer is, and is not declared" in held


def canaries_in(folder: Path) -> set[str]:
    """Files with a canary in them; Parquet files are read as tables are."""
    found = set()
    for file in folder.rglob("*"):
        if file.is_file():
            content = file.read_bytes()
            if file.suffix == ".parquet":
                content = pl.read_parquet(file).write_ndjson().encode()
            elif file.suffix == ".zip":
                with zipfile.ZipFile(file) as archive:
                    content = b"".join(map(archive.read, archive.namelist()))
            if any(canary.encode() in content for canary in CANARIES):
                found.add(str(file.relative_to(folder)))
    return found


def test_no_attribute_leaves_bronze_and_silver(house: House) -> None:
    """Report, profiles, release, dashboards' extracts, definitions for platforms, what commands print."""
    house.trained()
    house.register(house.shop, f",{KATE}", f"K1,{KATE}", name="people_2.csv")  # one that cannot be used
    house.shop.with_science()
    folder = house.shop.folder
    said = [
        call(*words, "-C", folder).stdout
        for words in (
            ["run", "--json"],
            ["check"],
            ["report"],
            ["profile"],
            ["release", "--to", folder / "released"],
            ["powerbi", "write", folder / "powerbi"],
            ["platform", "databricks", folder / "databricks"],
            ["identity"],
            ["identity", "review", "--json"],
        )
    ]
    assert not [text for text in said for canary in CANARIES if canary in text]
    project = house.shop.project
    assert write_extracts(project, load_policy(project))
    own = ("raw/", "lakehouse/bronze/shop_people/", "lakehouse/bronze/other_people/")
    own += ("lakehouse/silver/identity_attributes/",)
    assert not [place for place in canaries_in(folder) if not place.startswith(own)]


def test_with_a_vault_customers_are_linked_alike_and_it_keeps_no_attribute(house: House) -> None:
    house.trained()
    config = house.shop.folder / "mergehouse.yml"
    config.write_text(config.read_text() + "\nvault: true\n")
    house.run()
    assert house.ids()["shop:K1"] == ("other:K1", "probabilistic") == house.ids()["other:K1"]
    lakehouse = house.shop.lakehouse
    vault = {t for t in lakehouse.tables() if t.endswith(("_hub", "_link", "_satellite"))}
    assert vault and not [
        t for t in vault if any(c in str(lakehouse.table(t).polars().to_dicts()) for c in CANARIES)
    ]


def test_review_shows_both_records_and_writes_what_was_decided(
    linked: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = linked.shop.folder
    [told] = json.loads(call("identity", "review", "--json", "-C", folder).stdout)
    assert told["pair"] == ["other", "L2", "shop", "L2"] and told["reason"] == "household"
    monkeypatch.setattr("sys.stdin", io.StringIO("x\ns\nmother and son\n"))
    shown = call("identity", "review", "-C", folder).stdout
    assert {"Lea", "Leo", "1980-01-01"} <= set(shown.split())
    assert "1 of 1: household" in shown and "1 decided, 0 wait." in shown
    last = (folder / "mappings" / "identity_decisions.csv").read_text().splitlines()[-1].split(",")
    assert last[:5] == ["other", "L2", "shop", "L2", "same"] and last[-1] == "mother and son"
    assert json.loads(call("identity", "review", "--json", "-C", folder).stdout) == []
    linked.run()
    assert linked.ids()["shop:L2"] == ("other:L2", "decision") == linked.ids()["other:L2"]
    assert "numbers united: 2 by decision, 2 by probabilistic" in call("identity", "-C", folder).stdout


def test_a_model_of_other_attributes_is_named_and_sales_go_on(linked: House) -> None:
    before = linked.ids()

    def refused(customers: pl.DataFrame, model: LinkModel, limits: object = None) -> Candidates:
        model.check(["email"])
        raise AssertionError

    linked.sell(linked.shop, "K1", "Z9", name="lines_2.csv")
    linked.register(linked.shop, "P7,Pia,Pan,p@x.example,", name="people_2.csv")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(linkage, "candidates", refused)
        result = linked.shop.run("silver")
    failed = {t.table: t.reason for t in result.tables if t.status in ("failed", "blocked")}
    assert "trained on other attributes" in failed["silver.identity_candidates"]
    assert failed["silver.identity_registry"] == "waits for silver.identity_candidates"
    assert linked.ids() == before | {"shop:Z9": ("shop:Z9", "own"), "shop:P7": ("shop:P7", "own")}
    assert not any(c.check == "registry_is_whole" and c.failures for c in linked.run().checks)


def test_a_constant_attribute_is_named_where_the_model_knows_it() -> None:
    """Else it says that customers lack an e-mail, of files that are full of them."""
    shops = [
        {"source_system": s, "customer_code": str(n), "email": "info@x.example"}
        for s in "ab"
        for n in range(30)
    ]
    emptied = standardise(pl.DataFrame(shops), dt.date(2026, 3, 1)).emptied
    brands = "email of a (30 customers), email of b (30 customers)"
    assert unification._constant(emptied) == f" Taken for empty, as most customers have the same: {brands}."
    assert unification._constant(emptied.clear()) == ""
