"""A scope's files hold what it may see and nothing else, whatever an app does with them.

Expected figures are worked out from the lines below, not by the code that cuts.
"""

from __future__ import annotations

import re
import shutil
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest
from tests.conftest import Shop, prepared_shop

from mergehouse.access.definitions import extracts
from mergehouse.access.extract import write_extracts
from mergehouse.access.gateway import Gateway, NothingYet, Reader, UnknownQuery, queries
from mergehouse.access.policy import Policy, Role, Rule, load_policy
from mergehouse.access.serving import serving_folder
from mergehouse.errors import AccessError, ConfigError
from mergehouse.kpi.catalogue import compute

SHOP_LINES = (  # C1 is the other brand's K9
    "A1,1,2024-03-01 10:00:00,P1,Mug,2,10.00,C1,Germany,EUR",
    "A2,1,2024-03-05 10:00:00,P1,Mug,1,10.00,C1,Germany,EUR",
    "A3,1,2024-03-06 10:00:00,P2,Bowl,1,7.00,C2,Spain,EUR",
)
OTHER_LINES = (
    "SECRET1,1,2024-03-02 10:00:00,X1,Hidden lamp,1,99.00,K9,Germany,EUR",
    "SECRET2,1,2024-03-03 10:00:00,X1,Hidden lamp,1,99.00,K7,Spain,EUR",
)
NO_FILTER = dict.fromkeys(("brand", "region", "country", "since", "until"))


def two_brands(folder: Path) -> Shop:
    """A house whose brands share a customer."""
    return prepared_shop("two brands that share a customer", share_a_customer, folder)


def share_a_customer(shop: Shop) -> None:
    other = shop.another("zebra")
    other.configure((shop.brand / "brand.yml").read_text().replace("label: Shop", "label: Zebra"))
    (shop.brand / "customer_xref.csv").write_text(
        "source_customer_id,other_source_system,other_source_customer_id\nC1,zebra,K9\n"
    )
    shop.deliver_lines(*SHOP_LINES)
    other.deliver_lines(*OTHER_LINES)
    assert not shop.run().failed


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    return two_brands(tmp_path_factory.mktemp("house") / "shop")


@pytest.fixture(scope="module")
def policy(house: Shop) -> Policy:
    found = load_policy(house.project)
    write_extracts(house.project, found)
    return found


@pytest.fixture(scope="module")
def gateway(house: Shop, policy: Policy) -> Gateway:
    return Gateway(house.project, policy)


def reader(gateway: Gateway, *roles: str) -> Reader:
    scope = gateway.policy.scope(roles)
    assert scope
    return gateway.reader(scope)


@pytest.mark.slow("a run of several brands")
def test_each_brand_has_a_manager_of_its_own(policy: Policy) -> None:
    assert policy.roles["brand_manager_zebra"].label == "Brand manager Zebra"
    assert policy.scope(["brand_manager_shop"]).label == "Shop"


def test_nothing_of_another_brand_is_in_a_managers_files(house: Shop, policy: Policy) -> None:
    """Every value of every file, its statistics and its metadata, as text."""
    folder = serving_folder(house.project)
    (version,) = (path for path in folder.iterdir() if path.is_dir())
    files = sorted((version / policy.scope(["brand_manager_shop"]).id).iterdir())
    tables = {".".join(file.stem.split(".")[:2]) for file in files}
    assert tables == {each.name for each in extracts() if each.is_for(policy.scope(["brand_manager_shop"]))}
    canary = re.compile("zebra|secret|hidden|lamp|k9|k7|both|cross_brand|another brand|no other|group", re.I)
    for file in files:
        values = duckdb.sql(f"FROM read_parquet('{file}')")
        told = f"{values.columns} {values.fetchall()}"
        told += str(
            duckdb.sql(
                f"SELECT path_in_schema, stats_min_value, stats_max_value FROM parquet_metadata('{file}')"
            ).fetchall()
        )
        told += str(duckdb.sql(f"FROM parquet_kv_metadata('{file}')").fetchall())
        assert not canary.findall(told.replace("customer_group", "")), file.name
        assert "C1" not in told or file.stem == "lookup.numbers"  # keys of customers are the scope's own


def test_figures_of_a_scope_are_those_of_its_rows(gateway: Gateway, house: Shop) -> None:
    shop, both = reader(gateway, "brand_manager_shop"), reader(gateway, "executive")
    assert shop.one("sales", by="all", **NO_FILTER)["gmv"] == Decimal("37.00")
    assert both.one("sales", by="all", **NO_FILTER)["gmv"] == Decimal("235.00")
    kpis = {row["source_system"]: row["customers"] for row in _customers(both)}
    assert kpis == {"shop": 2, "zebra": 2, "group": 3}  # one is the same
    assert {row["source_system"]: row["customers"] for row in _customers(shop)} == {"shop": 2}


def test_pages_and_the_command_line_tell_the_same(gateway: Gateway, house: Shop) -> None:
    expected = compute(house.lakehouse)
    told: dict[str, dict[str, object]] = {
        row["part"]: row for row in reader(gateway, "analyst").rows("sales", by="brand", **NO_FILTER)
    }
    told["group"] = reader(gateway, "analyst").one("sales", by="all", **NO_FILTER) or {}
    for row in _customers(reader(gateway, "analyst")):
        told[row["source_system"]] |= row
    for scope, named in expected.items():
        assert {name: told[scope][name] for name in named} == named


def test_two_scopes_do_not_share_keys(gateway: Gateway) -> None:
    keys = [
        {
            row[0]
            for row in reader(gateway, role)
            ._connection.sql("SELECT customer_id FROM gold.customer_brand_360")
            .fetchall()
        }
        for role in ("brand_manager_shop", "executive", "admin")
    ]
    assert all(keys) and not keys[0] & keys[1] and not keys[1] & keys[2]


def test_no_scopes_file_holds_a_key_that_another_has(house: Shop, policy: Policy) -> None:
    """Customers are C1, C2 and K7 to their brands; keys in files are made with the scope's secret."""
    folder = serving_folder(house.project)
    scopes = [
        version / scope.id for version in folder.iterdir() if version.is_dir() for scope in policy.scopes()
    ]
    files = [file for scope in scopes for file in scope.glob("*.parquet") if file.stem != "lookup.numbers"]
    assert len(files) > 30 and any(file.stem.startswith("cube.") for file in files)
    for file in files:
        for row in duckdb.sql(f"SELECT * FROM read_parquet('{file}')").fetchall():
            texts = [str(value) for value in row]
            found = [text for text in texts if re.search(r"\b(shop|zebra):[CK]\d\b|^[CK]\d$", text)]
            assert not found, (file, found)


def test_scopes_that_see_the_same_figures_have_the_same_files(house: Shop, policy: Policy) -> None:
    """But none with keys of customers, and none of who may not see persons where groups are joined."""
    (version,) = (path for path in serving_folder(house.project).iterdir() if path.is_dir())
    executive = version / policy.scope(["executive"]).id
    same = {
        role: {
            file.stem
            for file in executive.iterdir()
            if (version / policy.scope([role]).id / file.name).exists()
            and file.samefile(version / policy.scope([role]).id / file.name)
        }
        for role in ("admin", "marketing", "brand_manager_shop")
    }
    assert {"cube.customers", "cube.rfm", "gold.sales_daily"} <= same["admin"]
    assert same["marketing"] >= {"gold.sales_daily", "cube.categories"}
    assert not same["marketing"] & {"cube.customers", "cube.rfm"}
    assert not any("customer_" in name or "lookup.orders" in name for name in same["admin"])
    assert same["brand_manager_shop"] <= {"mapping.rfm_segments"}


def test_roles_together_see_what_any_may_and_what_none_masks() -> None:
    north = Role(label="North", rows=(Rule(column="region", values=("North Europe",)),), masks=())
    shop = Role(label="Shop", rows=(Rule(column="brand", values=("shop",)),), persons=True)
    policy = Policy({"north": north, "shop": shop}, "1", {})
    both = policy.scope(["shop", "north"])
    assert len(both.rows) == 2 and both.masks == ("personal",) and not both.persons and not both.group
    assert policy.scope(["north", "shop"]).id == both.id != policy.scope(["shop"]).id
    assert policy.scope(["nobody"]) is None and policy.scope([]) is None


def test_a_region_sees_its_customers_and_no_table_without_regions(house: Shop) -> None:
    file = house.folder / "access.yml"
    before = file.read_text()
    file.write_text(
        before + "  south: {label: South, rows: [{column: region, values: [South Europe]}], persons: true}\n"
    )
    policy = load_policy(house.project)
    write_extracts(house.project, policy)
    south = Gateway(house.project, policy).reader(policy.scope(["south"]))
    file.write_text(before)
    sql = "SELECT order_id, gmv_eur FROM lookup.orders ORDER BY 1"
    assert south._connection.sql(sql).fetchall() == [("A3", Decimal("7.00")), ("SECRET2", Decimal("99.00"))]
    assert south.one("sales", by="all", **NO_FILTER)["gmv"] == Decimal("106.00")
    assert south._connection.sql("SELECT sum(gmv_eur) FROM cube.categories").fetchall() == [(106,)]
    assert south._connection.sql("SELECT count(*) FROM gold.kpi_raw_vs_silver").fetchall() == [(0,)]
    assert {row["source_system"] for row in _customers(south)} == {"shop", "zebra"}  # none for the group


def test_whoever_may_not_see_persons_has_no_file_of_them(gateway: Gateway) -> None:
    marketing = reader(gateway, "marketing")
    assert not {
        table for table in marketing.tables if "lookup.c" in table or "lookup.o" in table or "_360" in table
    }
    assert _customers(marketing) == []  # there are three in all


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM read_parquet('{other}')",
        "SELECT * FROM read_parquet(['{other}'])",
        "SELECT * FROM read_text('/etc/passwd')",
        "SELECT * FROM glob('{folder}/*')",
        "COPY (SELECT 1) TO '{folder}/new.parquet'",
        "ATTACH '{folder}/new.db'",
        "INSTALL httpfs",
        "LOAD httpfs",
        "SET enable_external_access = true",
        "SET allowed_paths = ['/etc/passwd']",
        "SELECT * FROM 'https://example.com/a.parquet'",
        "SELECT * FROM policy",
    ],
)
def test_the_engine_refuses_what_is_not_the_scopes(
    sql: str, gateway: Gateway, policy: Policy, house: Shop, tmp_path: Path
) -> None:
    mine = reader(gateway, "brand_manager_shop")
    theirs = serving_folder(house.project) / mine.version / policy.scope(["executive"]).id
    with pytest.raises(duckdb.Error):
        mine._connection.cursor().execute(
            sql.format(other=theirs / "gold.sales_daily.parquet", folder=tmp_path)
        ).fetchall()
    assert not list(tmp_path.iterdir())


def test_what_is_written_is_asked_for() -> None:
    """Files are written for every scope after every publication."""
    asked = " ".join(query.sql + str(query.choices) for query in queries().values())
    assert [extract.name for extract in extracts() if extract.name not in asked] == []


def test_every_query_is_one_select() -> None:
    for query in queries().values():
        for name in query.choices:
            assert query.choices[name]
        sql = query.chosen({name: next(iter(offered)) for name, offered in query.choices.items()})
        (statement,) = duckdb.extract_statements(sql)
        assert statement.type == duckdb.StatementType.SELECT and "{" not in sql, query.name


@pytest.mark.parametrize(
    "given",
    [
        {"by": "1; DROP TABLE x"},
        {"by": "source_system"},
        {"by": ["brand"]},
        {"by": "brand", "since": "2024-01-01' OR '1'='1"},
        {"by": "brand", "nothing": 1},
    ],
)
def test_what_a_query_does_not_offer_is_refused(gateway: Gateway, given: dict[str, object]) -> None:
    with pytest.raises(UnknownQuery):
        reader(gateway, "executive").rows("sales", **(NO_FILTER | given))


def test_values_are_bound(gateway: Gateway) -> None:
    assert (
        reader(gateway, "executive").rows("sales", by="brand", **NO_FILTER | {"brand": "shop' OR '1'='1"})
        == []
    )


@pytest.mark.slow("a run, a delivery, and all files written anew")
def test_after_a_delivery_files_are_as_if_written_anew(house: Shop, tmp_path: Path) -> None:
    shop = house.copy(tmp_path / "shop")
    policy, root = load_policy(shop.project), serving_folder(shop.project)
    before = write_extracts(shop.project, policy)
    shop.deliver_lines("A4,1,2024-04-08 10:00:00,P1,Mug,3,10.00,C2,Spain,EUR", name="lines_2.csv")
    assert not shop.run().failed
    after = write_extracts(shop.project, policy)
    scope = policy.scope(["analyst"]).id
    files = sorted((root / after / scope).iterdir())
    there = {file.name: file for file in (root / before / scope).iterdir()}
    kept = {file.stem for file in files if file.name in there and file.samefile(there[file.name])}
    assert {"gold.survival_curves", "lookup.orders.2024-03-01"} <= kept
    assert not kept & {"gold.sales_daily", "cube.rfm", "lookup.orders.2024-04-01"}
    rows = {file.name: duckdb.sql(f"FROM read_parquet('{file}')").fetchall() for file in files}
    for folder in (root / after, root / before):
        shutil.rmtree(folder, onerror=lambda act, path, _: (Path(path).parent.chmod(0o755), act(path)))
    assert write_extracts(shop.project, policy) == after
    assert rows == {f.name: duckdb.sql(f"FROM read_parquet('{f}')").fetchall() for f in files}


def test_files_cannot_be_written_and_hold_no_links(house: Shop, policy: Policy, gateway: Gateway) -> None:
    scope = policy.scope(["brand_manager_zebra"])
    folder = serving_folder(house.project) / gateway.version()[0] / scope.id
    assert folder.stat().st_mode & 0o777 == 0o555
    assert {file.stat().st_mode & 0o777 for file in folder.iterdir()} == {0o444}
    folder.chmod(0o755)
    (folder / "gold.more.parquet").symlink_to("/etc/passwd")
    with pytest.raises(AccessError, match="holds links"):
        Gateway(house.project, policy).reader(scope)
    (folder / "gold.more.parquet").unlink()


def test_a_scope_that_nothing_was_written_for_reads_nothing(house: Shop, policy: Policy) -> None:
    new = Policy(
        policy.roles | {"new": Role(label="New", rows=(Rule(column="region", values=("x",)),))}, "2", {}
    )
    with pytest.raises(NothingYet):
        Gateway(house.project, new).reader(new.scope(["new"]))


@pytest.mark.parametrize(
    "roles, expected",
    [
        ("roles: {}", "key `roles`: dictionary should have at least 1 item"),
        ("role: {a: {label: A, rows: all}}", "unknown key `role`; did you mean `roles`"),
        ("roles: {a: {label: A}}", "key `roles.a.rows` is missing"),
        ("roles: {a: {label: A, rows: []}}", r"roles\.a\.rows"),
        ("roles: {a: {label: A, rows: [{column: brand, values: []}]}}", r"roles\.a\.rows.*values"),
        ("roles: {a: {label: A, rows: [{column: brnd, values: [shop]}]}}", r"roles\.a\.rows.*column"),
        ("roles: {a: {label: A, rows: [{column: brand, values: [shap]}]}}", "did you mean `shop`"),
        ("roles: {a: {label: A, rows: [{column: country, values: [Germany]}]}}", "`Germany` is not declared"),
        ("roles: {a: {label: A, rows: [{column: brand, values: [shop]}], group: true}}", "needs `rows: all`"),
        ("roles: {a: {label: A, rows: all, masks: [pseudonym], persons: true}}", "take one of them out"),
        ("roles: {a: {label: A, rows: all, mask: []}}", r"roles\.a\.mask"),
        ("roles: {a: {label: A, rows: everything}}", r"roles\.a\.rows"),
    ],
)
def test_a_policy_that_means_nothing_is_refused(house: Shop, roles: str, expected: str) -> None:
    file = house.folder / "access.yml"
    before = file.read_text()
    try:
        file.write_text(roles)
        with pytest.raises(ConfigError, match=expected):
            load_policy(house.project)
        file.unlink()
        with pytest.raises(ConfigError, match="nobody may see anything"):
            load_policy(house.project)
    finally:
        file.write_text(before)


def test_the_right_to_personal_attributes_must_be_said_and_needs_others(shop: Shop) -> None:
    """Where no brand tells of persons it is a right to nothing."""
    file = shop.folder / "access.yml"
    before = file.read_text()
    assert not load_policy(shop.project).scope(["admin"]).identity
    chief = (
        "  chief: {label: Chief, rows: all, group: true, persons: true, masks: [], admin: true, "
        "identity: true}\n"
    )
    for without in ("group: true, ", "persons: true, ", "masks: [], ", "admin: true, "):
        file.write_text(before + chief.replace(without, ""))
        with pytest.raises(ConfigError, match="`identity: true` shows personal attributes; it needs"):
            load_policy(shop.project)


def _customers(of: Reader) -> list[dict]:
    return of.rows("customer_kpis", brand=None, region=None, country=None)
