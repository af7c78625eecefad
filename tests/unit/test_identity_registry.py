"""Clusters and ids: they follow from evidence and registry alone, and an id stays whom it was given to."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mergehouse.identity.clusters import KEY, METHODS, unite
from mergehouse.identity.decisions import PAIR
from mergehouse.identity.registry import SCHEMA, entries, forgotten, latest
from mergehouse.identity.tables import REGISTRY
from mergehouse.identity.unsettled import FEW, read, unsettled_of
from mergehouse.lakehouse.reader import database, load

pytestmark = pytest.mark.slow("random histories of customers")

NOW = dt.datetime(2026, 11, 29, tzinfo=dt.UTC)
NOTHING = pl.DataFrame(schema=SCHEMA)
Member = tuple[str, str]
EVIDENCE = {**dict.fromkeys(PAIR, pl.String), "method": pl.String, "score": pl.Float64, "rank": pl.Int64}


def member(text: str) -> Member:
    brand, code = text.split(":")
    return brand, code


def people(*names: str) -> pl.DataFrame:
    return pl.DataFrame([member(n) for n in names], dict.fromkeys(KEY, pl.String), orient="row")


def links(*pairs: str, method: str = "exact", score: float | None = 0.99) -> pl.DataFrame:
    """`a:1 b:2` each."""
    rows = [(*member(p.split()[0]), *member(p.split()[1]), method, score, n) for n, p in enumerate(pairs)]
    return pl.DataFrame(rows, EVIDENCE, orient="row")


def named(
    registry: pl.DataFrame, who: pl.DataFrame, *evidence: pl.DataFrame, apart: tuple[str, ...] = ()
) -> pl.DataFrame:
    """The registry after a run."""
    given_ = pl.concat([pl.DataFrame(schema=EVIDENCE), *evidence])
    found = unite(who, given_, links(*apart).select(PAIR))
    return pl.concat([registry, entries(registry, found.members, NOW)])


def ids(registry: pl.DataFrame) -> dict[str, str]:
    rows = latest(registry).filter(pl.col("event") != "gone").select(*KEY, "customer_id").rows()
    return {f"{brand}:{code}": customer for brand, code, customer in rows}


def events(registry: pl.DataFrame) -> dict[str, str]:
    """Of the last entry."""
    last = registry.filter(pl.col("entry") == registry["entry"].max())
    return {f"{brand}:{code}": event for brand, code, event in last.select(*KEY, "event").rows()}


def test_the_first_by_name_gives_the_id_and_late_comers_never_take_one() -> None:
    first = named(NOTHING, people("b:5", "b:6"))
    then = named(first, people("a:1", "b:5", "b:6"), links("a:1 b:5"))
    assert ids(then) == {"a:1": "b:5", "b:5": "b:5", "b:6": "b:6"}
    assert events(then) == {"a:1": "new", "b:5": "evidence"}
    assert ids(named(NOTHING, people("a:1", "b:5"), links("a:1 b:5"))) == {"a:1": "a:1", "b:5": "a:1"}


def test_a_merge_keeps_the_id_of_most_and_of_two_the_older() -> None:
    who = people("a:1", "b:1", "c:1", "d:1", "e:1")
    first = named(NOTHING, who, links("c:1 d:1"))
    merged = named(first, who, links("c:1 d:1", "a:1 c:1"))
    assert ids(merged)["a:1"] == "c:1" and events(merged)["a:1"] == "merge"
    later = named(first, people("a:1", "b:1", "c:1", "d:1", "e:1", "a:0"))
    assert ids(named(later, people("a:0", "b:1"), links("a:0 b:1")))["a:0"] == "b:1"


def test_the_larger_part_of_a_split_keeps_the_id_and_the_other_gets_back_its_own() -> None:
    who = people("a:1", "b:1", "c:1")
    together = named(NOTHING, who, links("a:1 b:1", "b:1 c:1"))
    assert set(ids(together).values()) == {"a:1"}
    apart = named(together, who, links("b:1 c:1"))
    assert ids(apart) == {"a:1": "a:1~2", "b:1": "a:1", "c:1": "a:1"} and events(apart)["a:1"] == "split"
    alone = named(together, who, links("a:1 b:1"))
    assert ids(alone) == {"a:1": "a:1", "b:1": "a:1", "c:1": "c:1"}
    again = named(apart, who, links("a:1 b:1", "b:1 c:1"))
    assert set(ids(again).values()) == {"a:1"} and events(again)["a:1"] == "merge"


def test_whoever_goes_leaves_an_entry_and_is_known_when_they_are_back() -> None:
    first = named(NOTHING, people("a:1", "b:1"), links("a:1 b:1"))
    left = named(first, people("b:1"))
    assert ids(left) == {"b:1": "a:1"} and events(left) == {"a:1": "gone", "b:1": "evidence"}
    back = named(left, people("a:1", "b:1"))
    assert ids(back) == {"a:1": "a:1~2", "b:1": "a:1"} and events(back) == {"a:1": "back"}


def test_evidence_counts_in_its_order_and_people_may_unite_numbers_of_one_brand() -> None:
    who = people("a:1", "a:2", "b:1", "b:2")
    known = links("a:1 a:2", method="known_pair", score=None)
    likely = links("a:1 b:1", "a:2 b:2", method="probabilistic", score=0.97)
    found = unite(who, pl.concat([likely, known]), links().select(PAIR))
    assert found.members.select("customer_code", "cluster", "method").rows() == [
        ("1", 0, "known_pair"),
        ("2", 0, "known_pair"),
        ("1", 0, "probabilistic"),
        ("2", 3, "own"),
    ]
    assert found.refused.select(PAIR).rows() == [("a", "2", "b", "2")]
    decided = links("a:2 b:2", method="decision", score=None)
    kept = unite(who, pl.concat([likely, known, decided]), links("a:1 b:1").select(PAIR))
    assert kept.members["cluster"].to_list() == [0, 0, 2, 0] and kept.refused["method"].to_list() == [
        "probabilistic"
    ]


def test_decided_apart_stays_apart_along_any_chain() -> None:
    who = people("a:1", "b:1", "c:1", "d:1")
    same = links("a:1 b:1", "b:1 c:1", "c:1 d:1", method="decision", score=None)
    found = unite(who, same, links("d:1 a:1").select(PAIR))
    assert found.members["cluster"].to_list() == [0, 0, 0, 3] and found.refused["rank"].to_list() == [2]


def test_whom_known_pairs_join_to_a_number_that_nobody_delivers_are_one() -> None:
    """As without identity. It is no number of its brand: what attributes tell of b:2 counts, and of c:1
    alone, whose partner is not there, nothing is told.
    """
    who = people("a:1", "b:2", "c:1", "d:1")
    known = links("a:1 b:9", "b:9 d:1", "c:1 b:8", method="known_pair", score=None)
    likely = links("a:1 b:2", method="exact", score=0.99)
    found = unite(who, pl.concat([likely, known]), links().select(PAIR))
    assert found.refused.height == 0
    assert ids(entries(NOTHING, found.members, NOW)) == {
        "a:1": "a:1", "b:2": "a:1", "c:1": "c:1", "d:1": "a:1",
    }  # fmt: skip
    assert found.members["method"].to_list() == ["known_pair", "exact", "own", "known_pair"]
    apart = unite(who, known, links("a:1 d:1").select(PAIR))
    assert len(set(apart.members["cluster"])) == 4 and apart.refused.height == 1


def test_what_the_registry_has_forgotten_is_entered_again() -> None:
    who = people("a:1", "b:1", "b:2")
    old = named(NOTHING, who)
    newer = named(old, who, links("a:1 b:1"))
    published = latest(newer).select(*KEY, "customer_id", "method", "score")
    again = forgotten(old, published, NOW)
    assert again.select("customer_code", "customer_id", "event").rows() == [("1", "a:1", "restored")]
    assert ids(named(pl.concat([old, again]), who, links("a:1 b:1"))) == ids(newer)
    assert forgotten(newer, latest(old).select(published.columns), NOW).height == 0  # the registry is ahead


MEMBERS = [f"{brand}:{code}" for brand in "abc" for code in range(4)]
pairs = st.tuples(st.sampled_from(MEMBERS), st.sampled_from(MEMBERS)).filter(lambda p: p[0] != p[1])
edges = st.lists(
    st.tuples(pairs, st.sampled_from(METHODS), st.sampled_from([0.5, 0.96, 0.99]), st.integers(0, 3)),
    max_size=14,
)
runs = st.lists(
    st.tuples(st.sets(st.sampled_from(MEMBERS), min_size=1), edges, st.lists(pairs, max_size=3)),
    min_size=1,
    max_size=4,
)


def frame(found: list) -> pl.DataFrame:
    rows = [(*member(p[0]), *member(p[1]), method, score, rank) for p, method, score, rank in found]
    return pl.DataFrame(rows, EVIDENCE, orient="row")


@settings(max_examples=40, deadline=None)
@given(runs, st.randoms(use_true_random=False))
def test_any_history_gives_one_registry_and_keeps_what_it_promises(history: list, random) -> None:  # noqa: ANN001
    one = other = NOTHING
    for present, evidence, different in history:
        apart = [" ".join(pair) for pair in different]
        before = ids(one)
        found = unite(people(*sorted(present)), frame(evidence), links(*apart).select(PAIR))
        one = pl.concat([one, entries(one, found.members, NOW)])
        shuffled = sorted(present)
        for rows in (shuffled, evidence, apart):
            random.shuffle(rows)
        turned = [((p[1], p[0]), *rest) for p, *rest in evidence]
        again = unite(people(*shuffled), frame(turned), links(*apart).select(PAIR))
        other = pl.concat([other, entries(other.sample(fraction=1, shuffle=True), again.members, NOW)])
        assert one.equals(other)
        assert entries(one, found.members, NOW).height == 0  # a second run has nothing to add
        now = ids(one)
        assert now.keys() == present
        grouped = defaultdict(set)
        for brand, code, cluster in found.members.select(*KEY, "cluster").rows():
            grouped[cluster].add(f"{brand}:{code}")
        owners = defaultdict(set)
        for cluster, group in grouped.items():
            for name in group:
                owners[now[name]].add(cluster)
        assert all(len(clusters) == 1 for clusters in owners.values()) and len(owners) == len(grouped)
        if not {method for _, method, *_ in evidence} & set(METHODS[:2]):
            assert all(len({name[0] for name in group}) == len(group) for group in grouped.values())
        for a, b in different:
            assert a not in now or b not in now or now[a] != now[b]
        unchanged = [g for g in grouped.values() if g <= before.keys() and len({before[n] for n in g}) == 1]
        for group in unchanged:  # nobody came, and nobody else had that id
            name = next(iter(group))
            if {n for n, customer in before.items() if customer == before[name]} == group:
                assert now[name] == before[name]


@settings(max_examples=25, deadline=None)
@given(runs, st.integers(0, 3))
def test_those_who_are_settled_need_not_be_looked_at(history: list, forgets: int) -> None:
    states = [NOTHING]
    for present, evidence, different in history:
        registry = states[-1 - forgets % len(states)]  # that of an earlier time, or the last
        published = latest(states[-1]).filter(pl.col("event") != "gone")
        published = published.select(*KEY, "customer_id", "method", "score")
        who, facts, apart = people(*sorted(present)), frame(evidence), links(*map(" ".join, different))
        again = forgotten(registry, published, NOW)
        whole = pl.concat([registry, again])
        wanted = entries(whole, unite(who, facts, apart.select(PAIR)).members, NOW)
        connection = database()
        xref = published.rename({"customer_code": "source_customer_id"})
        for name, rows in {
            "registry": registry.drop("recorded_at"),
            "xref": xref,
            "attributes": who[::2],
            "seen": who,
        }.items():
            load(connection, f"TABLE {name}", rows)
        ends = [
            pairs.select(pl.col(PAIR[n : n + 2])).rename(dict(zip(PAIR[n : n + 2], KEY, strict=True)))
            for pairs in (facts, apart)
            for n in (0, 2)
        ]
        few = unsettled_of(connection, pl.concat(ends))
        restored = forgotten(few.registry, few.unknown, NOW, few.last_entry)
        found = unite(few.members, facts, apart.select(PAIR))
        added = entries(
            pl.concat([few.registry, restored.select(few.registry.columns)]),
            found.members,
            NOW,
            few.last_entry,
        )
        assert restored.equals(again) and added.equals(wanted)
        states.append(pl.concat([whole, wanted]))


def test_few_and_many_customers_are_read_alike() -> None:
    connection = database()
    for rows in (0, 3, FEW // 2, FEW, FEW + 1):
        numbers = f"SELECT 'a' AS source_system, range::VARCHAR AS customer_code FROM range({rows})"
        found = read(connection, numbers, REGISTRY)
        assert found.height == rows and found.schema == people("a:1").schema
