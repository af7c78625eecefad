"""Finding the same customers: what is learned, what is linked, what is for review, and what is not paired."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json

import polars as pl
import pytest
from benchmarks.identity.population import World, two_brands
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from mergehouse.errors import ConfigError, FitError
from mergehouse.identity import two_persons
from mergehouse.identity.attributes import ATTRIBUTES, standardise
from mergehouse.identity.guard import block
from mergehouse.identity.input_table import load_customers
from mergehouse.identity.linkage import Candidates, candidates
from mergehouse.identity.model import OTHERS, LinkModel
from mergehouse.identity.training import train
from mergehouse.lakehouse.reader import connect
from mergehouse.project.settings import Limits

pytestmark = pytest.mark.slow("models of linkage are trained")

TODAY, TRAINED_AT = dt.date(2026, 11, 1), dt.datetime(2026, 11, 1, tzinfo=dt.UTC)
SMALL = World(customers=1500, shared=500, seed=1)


@pytest.fixture(scope="module")
def generated() -> pl.DataFrame:
    return two_brands(SMALL)


@pytest.fixture(scope="module")
def customers(generated: pl.DataFrame) -> pl.DataFrame:
    return standardise(generated.drop("person"), TODAY).customers


@pytest.fixture(scope="module")
def model(customers: pl.DataFrame) -> LinkModel:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(two_persons, "SAMPLED", 600)
        return train(customers, TRAINED_AT, Limits(threads=1))


@pytest.fixture(scope="module")
def found(customers: pl.DataFrame, model: LinkModel) -> Candidates:
    return candidates(customers, model)


def of_brands(*rows: dict[str, str | None]) -> pl.DataFrame:
    return standardise(pl.DataFrame(rows, infer_schema_length=None), TODAY).customers


def decided(pairs: pl.DataFrame) -> list[tuple[str, ...]]:
    return pairs.select("customer_code_a", "customer_code_b", "verdict", "reason").rows()


def test_shares_among_two_persons_are_counted(customers: pl.DataFrame, model: LinkModel) -> None:
    """Of all pairs with e-mail that do not agree exactly, those with the same one; half a pair more."""
    alpha, beta = (customers.filter(pl.col("source_system") == brand) for brand in ("alpha", "beta"))
    exact = candidates(customers, model=None).pairs
    both = exact.select(customer_code="customer_code_a", customer_code_b="customer_code_b")
    both = both.join(alpha, on="customer_code").join(
        beta, left_on="customer_code_b", right_on="customer_code", suffix="_b"
    )
    known = alpha["email"].count() * beta["email"].count()
    known -= both.filter(pl.col("email").is_not_null() & pl.col("email_b").is_not_null()).height
    same = alpha.join(beta, on="email").height - both.filter(pl.col("email") == pl.col("email_b")).height
    level = model.comparisons["email"][0]
    assert (level.label, level.u_exact) == ("equal", True)
    assert level.u == pytest.approx((same + 0.5) / (known + 1), rel=1e-6)


def test_every_level_has_shares_and_they_add_up(model: LinkModel) -> None:
    assert list(model.comparisons) == ["name", "birth_date", "email", "phone", "address", "place"]
    for levels in model.comparisons.values():
        assert sum(level.m for level in levels) == pytest.approx(1, abs=1e-6)
        assert sum(level.u for level in levels) == pytest.approx(1, abs=1e-6)
        assert min(min(level.m, level.u) for level in levels) > 0
        assert levels[0].m > 0.3 and levels[-1].u > 0.9


def test_no_rare_value_is_kept(customers: pl.DataFrame, model: LinkModel) -> None:
    for column, kept in model.frequencies.items():
        if column in customers.columns:
            counts = dict(customers[column].value_counts().iter_rows())
            assert all(counts[value] >= 10 for value in kept if value != OTHERS)


def test_artefact_is_read_back(model: LinkModel) -> None:
    assert LinkModel.from_json(model.to_json()) == model


@pytest.mark.parametrize("text", ["{}", "[]", "no JSON", '{"format": 1}'])
def test_damaged_artefact_is_one_message(text: str) -> None:
    with pytest.raises(ConfigError, match="^models/a.json: not a linkage model"):
        LinkModel.from_json(text, "models/a.json")


def test_artefact_of_another_format_is_one_message(model: LinkModel) -> None:
    old = json.dumps(json.loads(model.to_json()) | {"format": 0})
    with pytest.raises(ConfigError, match="made by another version of mergehouse"):
        LinkModel.from_json(old)


def test_most_of_the_truth_is_linked(generated: pl.DataFrame, found: Candidates) -> None:
    """Loose bounds: benchmarks/identity measures."""
    who = dict(generated.select("customer_code", "person").iter_rows())
    links = found.pairs.filter(pl.col("verdict") == "link")
    right = [who[a] == who[b] for a, b in links.select("customer_code_a", "customer_code_b").iter_rows()]
    assert sum(right) / len(right) > 0.97
    assert sum(right) / SMALL.shared > 0.85


def test_nobody_has_two_links_to_a_brand(found: Candidates) -> None:
    links = found.pairs.filter(pl.col("verdict") == "link")
    assert links["customer_code_a"].is_unique().all() and links["customer_code_b"].is_unique().all()


def test_evidence_adds_up_to_the_score(found: Candidates) -> None:
    weight = found.pairs.select(
        pl.col("evidence").list.eval(pl.element().struct.field("weight")).list.sum()
    ).to_series()
    assert (1 / (1 + 2**-weight)).to_list() == pytest.approx(found.pairs["score"].to_list(), abs=1e-9)


def test_same_links_whatever_the_order_of_rows_and_threads(
    customers: pl.DataFrame, model: LinkModel, found: Candidates
) -> None:
    shuffled = customers.sample(fraction=1, shuffle=True, seed=3)
    assert_frame_equal(candidates(shuffled, model, Limits(threads=1)).pairs, found.pairs, check_exact=True)


@pytest.mark.long("trains again")
def test_same_model_whatever_the_order_of_rows_and_threads(
    customers: pl.DataFrame, model: LinkModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(two_persons, "SAMPLED", 600)
    shuffled = customers.sample(fraction=1, shuffle=True, seed=3)
    assert train(shuffled, TRAINED_AT, Limits(threads=2)).to_json() == model.to_json()


def test_a_model_of_other_attributes_is_refused(customers: pl.DataFrame, model: LinkModel) -> None:
    nothing = pl.lit(None, pl.String)
    with pytest.raises(ConfigError, match="phone it knows, but the customers lack. Train it anew"):
        candidates(customers.with_columns(phone=nothing), model)
    card = pl.Series("loyalty_card", [str(n) for n in range(customers.height)])
    with pytest.raises(ConfigError, match="loyalty_card the customers have, but it does not know"):
        candidates(customers.with_columns(card), model)


def test_too_few_attributes_are_refused(customers: pl.DataFrame) -> None:
    nothing = pl.lit(None, pl.String)
    with pytest.raises(FitError, match="have no attribute in common. Needed are first_name"):
        train(customers.with_columns(nothing.alias(name) for name in ATTRIBUTES), TRAINED_AT)
    with pytest.raises(FitError, match="have first_name, last_name, email, postcode, city in common"):
        train(
            customers.with_columns(nothing.alias(n) for n in ("birth_date", "phone", "address_line_1")),
            TRAINED_AT,
        )


def test_a_constant_first_name_is_refused(generated: pl.DataFrame) -> None:
    shop = standardise(generated.drop("person").with_columns(first_name=pl.lit("Customer")), TODAY)
    assert ("alpha", "first_name", "constant", 1500) in shop.emptied.rows()
    with pytest.raises(FitError, match="Needed are first_name"):
        train(shop.customers, TRAINED_AT)


def test_brands_without_a_shared_customer_are_refused() -> None:
    strangers = two_brands(World(customers=300, shared=0, seed=2))
    with pytest.raises(FitError, match="nothing to learn name from.*at least 50 are needed"):
        train(standardise(strangers.drop("person"), TODAY).customers, TRAINED_AT)


ANA = {"first_name": "Ana", "last_name": "Keller", "birth_date": "1980-05-17", "email": "ana@web.de"}


def test_without_a_model_exact_agreement_links() -> None:
    found = candidates(
        of_brands(
            ANA | {"source_system": "a", "customer_code": "1"},
            ANA | {"source_system": "b", "customer_code": "7"},
            ANA | {"source_system": "b", "customer_code": "8", "first_name": "Bea", "birth_date": None},
        ),
        model=None,
    ).pairs
    assert decided(found) == [("1", "7", "link", "person")]
    assert found["score"].item() is None
    assert [part["attribute"] for part in found["evidence"].item()] == [
        "first_name", "last_name", "email", "birth_date",
    ]  # fmt: skip


def test_of_two_accounts_of_one_brand_one_is_linked() -> None:
    rows = [ANA | {"source_system": brand, "customer_code": code} for brand, code in ("a1", "b7", "b8")]
    assert decided(candidates(of_brands(*rows), model=None).pairs) == [
        ("1", "7", "link", "person"),
        ("1", "8", "review", "not_mutual"),
    ]


def test_three_brands_are_linked_pair_by_pair() -> None:
    rows = [ANA | {"source_system": brand, "customer_code": brand} for brand in "cab"]
    pairs = candidates(of_brands(*rows), model=None).pairs
    assert decided(pairs) == [(a, b, "link", "person") for a, b in ("ab", "ac", "bc")]


def test_a_couple_is_for_review(model: LinkModel, customers: pl.DataFrame) -> None:
    home = {
        "last_name": "Uncommon", "email": "us@home.eu", "phone": "+33612345678", "postcode": "75001",
        "address_line_1": "12 rue Inconnue", "city": "Paris", "country": "FR",
    }  # fmt: skip
    couple = of_brands(
        home
        | {
            "source_system": "alpha",
            "customer_code": "x",
            "first_name": "Jeanne",
            "birth_date": "1980-01-02",
        },
        home
        | {
            "source_system": "beta",
            "customer_code": "y",
            "first_name": "Olivier",
            "birth_date": "1978-07-30",
        },
    )
    pairs = candidates(pl.concat([customers, couple]), model).pairs.filter(pl.col("customer_code_a") == "x")
    assert decided(pairs) == [("x", "y", "review", "household")]
    assert pairs["score"].item() > 0.95  # evidence alone would have linked them


def test_keys_that_many_share_are_counted_and_not_paired() -> None:
    """101 x 101 customers with one phone make 10,201 pairs, more than a key may; 3 x 2 with another, 6."""
    rows = [(brand, f"{brand}{n}", "+331") for brand in "ab" for n in range(101)]
    rows += [("a", f"c{n}", "+332") for n in range(3)] + [("b", f"c{n}", "+332") for n in range(2)]
    frame = pl.DataFrame(rows, schema=["source_system", "customer_code", "phone"], orient="row")
    empty = [pl.lit(None, pl.String).alias(name) for name in ATTRIBUTES if name != "phone"]
    connection = connect()
    load_customers(connection, frame.with_columns(empty))
    connection.execute("CREATE TABLE exact (id_l BIGINT, id_r BIGINT)")
    assert block(connection, ["phone"]).rows() == [("phone", 1, 10_201, 10_201, 202)]
    assert connection.sql("SELECT count(*), count(DISTINCT (id_l, id_r)) FROM blocked").fetchall() == [(6, 6)]


def test_placeholders_nobody_thought_of_make_no_giant() -> None:
    """Two fifths of each brand are the same guest at the shop's address: 400 x 400 exact pairs."""
    guest = {
        "first_name": "Guest",
        "last_name": "Customer",
        "address_line_1": "1 Shop Street",
        "postcode": "E1",
    }
    rows = [
        {"source_system": brand, "customer_code": str(n)}
        | (guest if n < 400 else {name: f"{name}{chr(97 + n % 26)}{n}" for name in guest})
        for brand in "ab"
        for n in range(1000)
    ]
    found = candidates(of_brands(*rows), model=None)
    assert found.left_out.rows() == [
        ("exact: first_name, last_name, address_line_1, postcode", 1, 160_000, 160_000, 800)
    ]
    assert found.pairs.filter(pl.col("customer_code_a").cast(pl.Int64) < 400).is_empty()


def test_one_phone_for_all_makes_no_giant(
    generated: pl.DataFrame, model: LinkModel, customers: pl.DataFrame
) -> None:
    """Standardisation empties it; where somebody leaves that out, the guard counts it."""
    shop = standardise(generated.drop("person").with_columns(phone=pl.lit("0612345679")), TODAY)
    assert ("beta", "phone", "shared", 1500) in shop.emptied.rows()
    everybody = customers.with_columns(phone=pl.lit("+33612345679"))
    found = candidates(everybody, model)
    assert ("phone", 1, 1500 * 1500, 1500 * 1500, 3000) in found.left_out.rows()
    links = found.pairs.filter(pl.col("verdict") == "link")
    assert links["customer_code_a"].is_unique().all() and links["customer_code_b"].is_unique().all()


PEOPLE = st.fixed_dictionaries(
    {
        "source_system": st.sampled_from("abc"),
        "first_name": st.sampled_from(["Ana", "Anna", "Keller", None]),
        "last_name": st.sampled_from(["Keller", "Ana"]),
        "birth_date": st.sampled_from(["1980-05-17", "1980-17-05", None]),
        "email": st.sampled_from(["ana@web.de", "us@web.de", None]),
    }
)


@settings(max_examples=10, deadline=None)
@given(people=st.lists(PEOPLE, min_size=2, max_size=12), shuffling=st.randoms())
def test_exact_links_do_not_depend_on_the_order_of_rows(people: list[dict[str, str]], shuffling) -> None:
    rows = [person | {"customer_code": str(n)} for n, person in enumerate(people)]
    shuffled = shuffling.sample(rows, len(rows))
    assert_frame_equal(candidates(of_brands(*rows), None).pairs, candidates(of_brands(*shuffled), None).pairs)


def test_frequencies_of_nothing_are_no_error(customers: pl.DataFrame, model: LinkModel) -> None:
    """A brand that comes later has values that the model never saw."""
    renamed = dataclasses.replace(model, frequencies={name: {OTHERS: 1e-4} for name in model.frequencies})
    assert candidates(customers, renamed).pairs.height > 0
