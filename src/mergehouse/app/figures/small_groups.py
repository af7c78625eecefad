"""Which counts of customers are not told to those who may not see single ones."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from mergehouse.access.gateway import Row

FEWEST = 5  # customers of a group that is told about
Place = tuple[str | None, str | None]  # region and country; None: all of them


def hidden_places(cells: Iterable[Row], with_rates: bool = False) -> frozenset[Place]:
    """Regions and countries where some brand has few customers, and another next to a single one: so that
    no count is what is left of a total.

    `with_rates`: also those where few are active, or few are not, which the active rate would tell.

    >>> cells = [{"region": "North", "country_code": country, "customers": count, "active_customers": 9}
    ...          for country, count in (("DE", 3), ("FR", 90), ("NL", 20))]
    >>> sorted(hidden_places(cells))
    [('North', 'DE'), ('North', 'NL')]
    """
    fewest: dict[Place, int] = {}
    most: dict[Place, int] = defaultdict(int)
    for cell in cells:
        if customers := cell["customers"] or 0:
            place, active = (cell["region"], cell["country_code"]), cell["active_customers"] or 0
            counts = (customers, active, customers - active) if with_rates else (customers,)
            fewest[place] = min(fewest.get(place, customers), *counts)
            most[place] = max(most[place], customers)
    hidden = {place for place, customers in fewest.items() if customers < FEWEST}
    whole: dict[str | None, list[Place]] = defaultdict(list)
    for place in fewest.keys() - {(None, None)}:
        whole[None if place[1] is None else place[0]].append(place)
    for parts in whole.values():
        told = sorted(
            (place for place in parts if place not in hidden), key=lambda place: (most[place], str(place))
        )
        if len(parts) - len(told) == 1 and told:
            hidden.add(told[0])
    return frozenset(hidden)


def is_few(customers: int | None) -> bool:
    """Whether a count may not be told; none at all looks like a few."""
    return (customers or 0) < FEWEST
