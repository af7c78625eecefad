"""Columns by which rows say that they are none as the others: cancelled, deleted, a test, a payment. Where
order_lines.sql does not read them, such rows would count without a word.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import duckdb

from mergehouse.ingest.cells import FALSE_WORDS
from mergehouse.ingest.odd_cells import NULL_WORDS
from mergehouse.ingest.written_values import batches_with
from mergehouse.lakehouse.reader import quoted, text

# Words of columns that say it by being filled: `voided`, `cancelled_at`, `_fivetran_deleted`.
VOIDED = (
    "cancelled", "canceled", "cancellation", "void", "voided", "deleted", "delete", "removed", "reversed",
    "storno", "storniert", "stornierung", "geloscht", "annule", "annulee", "annulation", "supprime",
    "anulado", "anulada", "cancelado", "cancelada", "annullato", "stornato", "geannuleerd", "verwijderd",
    "anulowano", "makulerad", "slettet",
)  # fmt: skip
RETURNED = (
    "refunded", "refund", "refunds", "returned", "return", "retoure", "rembourse", "devuelto",
    "reembolso", "reso",
)  # fmt: skip
# Names that say it as a whole; as a part of one such a word may mean anything, as in `test_group`.
IN_WHOLE = (
    "test", "is_test", "test_order", "is_test_order", "test_mode", "training", "is_training",
    "training_mode", "draft", "is_draft", "proforma", "is_proforma",
)  # fmt: skip
# Words beside which all of them are about what may be: `return_policy`, `cancellation_fee`.
ABOUT = (
    "policy", "until", "by", "window", "deadline", "terms", "days", "allowed", "possible", "eligible",
    "rate", "fee",
)  # fmt: skip
# Words of columns that say it by a value.
KINDS = (
    "status", "state", "type", "kind", "typ", "art", "statut", "stato", "estado", "stan", "stav",
    "operation", "op", "event", "action", "vorgangsart", "belegart", "zeilenart",
)  # fmt: skip
VOIDING = (
    "cancelled", "canceled", "cancel", "cancellation", "void", "voided", "deleted", "delete", "removed",
    "draft", "checkoutdraft", "test", "training", "failed", "rejected", "expired", "declined",
    "abandoned", "proforma", "storno", "storniert", "gelöscht", "annulé", "annulée", "annulation",
    "anulado", "anulada", "cancelado", "cancelada", "annullato", "stornato", "geannuleerd", "anulowano",
    "tender", "tenders", "subtotal", "total", "nosale", "wccancelled", "wcfailed", "wccheckoutdraft",
    "view", "pageview", "productview", "viewitem", "cart", "addtocart", "removefromcart", "wishlist",
    "quote", "quotation", "estimate", "angebot", "devis", "presupuesto", "preventivo", "offerte",
)  # fmt: skip
RETURNING = (
    "refunded", "refund", "partiallyrefunded", "fullyrefunded", "wcrefunded", "return", "returned",
    "creditnote", "creditmemo", "gutschrift", "retoure", "rückgabe", "remboursement", "remboursé",
    "avoir", "devolución", "devolucion", "reembolso", "reso",
)  # fmt: skip
DELETING = ("d", "delete")  # what tools of change data capture call it
NO = ("", "na", *FALSE_WORDS.split(), *map(str.lower, NULL_WORDS))


class Said(NamedTuple):
    """What the cells of a column may say: the SQL condition that they do, whether it is that goods came back,
    and whether it is their value that says so.
    """

    condition: str
    is_return: bool
    is_by_value: bool


def voiding(name: str, cells: str) -> list[Said]:
    """What a column of texts may say, by its name, in SQL of its `cells` that every engine reads.

    >>> [(said.is_return, said.is_by_value) for said in voiding("financial_status", "`status`")]
    [(False, True), (True, True)]
    >>> voiding("voided", "`voided`")[0].condition[:40]
    "TRANSLATE(LOWER(TRIM(`voided`)), '0.,:- "
    >>> voiding("cancellation_policy", "policy"), voiding("title", "title")
    ([], [])
    """
    letters = re.sub("[\u0300-\u036f]", "", unicodedata.normalize("NFD", name.lower()))
    words = {*re.findall("[a-z]+", letters)}
    column = f"LOWER(TRIM({cells}))"
    if words & {*ABOUT}:
        return []
    if words & {*VOIDED, *RETURNED} or letters.strip("_") in IN_WHOLE:
        said = f"TRANSLATE({column}, '0.,:- ', '') NOT IN ({_listed(NO)})"
        return [Said(said, not words & {*VOIDED} and bool(words & {*RETURNED}), False)]
    if words & {*KINDS}:
        said, deleting = f"TRANSLATE({column}, ' _-', '')", words & {"op", "operation"}
        voids = _listed([*VOIDING, *(DELETING if deleting else [])])
        returns = _listed(RETURNING)
        return [
            Said(f"{said} IN ({voids})", False, True),
            Said(f"{said} IN ({returns})", True, True),
        ]
    return []


def _listed(words: Sequence[str]) -> str:
    return ", ".join(map(text, words))


def voiding_columns(
    connection: duckdb.DuckDBPyConnection, rows: str, written: Mapping[str, str], batch: str | None = None
) -> dict[int, list[str]]:
    """By batch the columns, declared or not, of which some cell says so. Of columns of such names those that
    are `written` (by name, as `written_values` gives them) are asked there, others of the rows.

    >>> rows = "FROM (VALUES ('A1', 'paid'), ('A2', 'Voided')) AS t(number, status)"
    >>> voiding_columns(duckdb.connect(), rows, {})
    {0: ['status']}
    """
    names = connection.sql(f"SELECT * FROM ({rows}) LIMIT 0").columns
    by, found = quoted(batch) if batch else "0", defaultdict[int, list[str]](list)
    for name in names:
        if conditions := " OR ".join(said.condition for said in voiding(name, quoted(name))):
            cells = f"(SELECT DISTINCT {by} AS batch, {quoted(name)} FROM ({rows}))"
            for place in batches_with(connection, f"FROM {written.get(name, cells)} WHERE {conditions}"):
                found[place].append(name)
    return dict(found)
