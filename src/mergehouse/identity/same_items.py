"""Products of two brands that are likely the same item: by their names, and by codes that both use."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from mergehouse.identity.product_categories import vectorizer

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

LEAST_SIMILAR, WITH_SAME_CODE = 0.75, 0.3  # cosine of names
ROWS_AT_ONCE = 1_000
TELLING = ("product_brand", "color", "size", "gender")  # two products that differ in one are two


def likely_same_items(products: pl.DataFrame) -> pl.DataFrame:
    """Pairs of products of two brands: `source_system`, `product_code`, `other_source_system`,
    `other_product_code`, `similarity` (cosine of the names' character n-grams weighted
    by TF-IDF, from 0 to 1: a score, no probability), `has_same_code`, the most similar first.

    `products`: merchandise, a row a product, columns `source_system`, `product_code`, `product_name`,
    `group_product_id`, `product_brand`, `color`, `size`, `gender`. Each must be the other's most similar, or
    bear the other's code; pairs that are joined already, or of which both tell an attribute and differ in it,
    are left out.

    >>> attributes = {name: [None, None] for name in TELLING}
    >>> likely_same_items(pl.DataFrame({
    ...     "source_system": ["a", "b"], "product_code": ["1", "9"], "product_name": ["Red mug", "RED MUG"],
    ...     "group_product_id": ["a:1", "b:9"], **attributes}))["similarity"].to_list()
    [1.0]
    """
    named = products.filter(pl.col("product_name").fill_null("") != "")
    products = named.cast(dict.fromkeys(TELLING, pl.String)).sort("source_system", "product_code")
    found = [
        _pairs(
            products.filter(pl.col("source_system") == left),
            products.filter(pl.col("source_system") == right),
        )
        for left, right in combinations(products["source_system"].unique().sort(), 2)
    ]
    nothing = pl.DataFrame(
        schema={
            "source_system": pl.String, "product_code": pl.String, "other_source_system": pl.String,
            "other_product_code": pl.String, "similarity": pl.Float64, "has_same_code": pl.Boolean,
        }
    )  # fmt: skip
    return pl.concat([nothing, *found]).sort(
        "has_same_code", "similarity", "source_system", "product_code", "other_product_code",
        descending=[True, True, False, False, False],
    )  # fmt: skip


def _pairs(left: pl.DataFrame, right: pl.DataFrame) -> pl.DataFrame:
    words = vectorizer()
    upper = pl.col("product_name").str.to_uppercase()
    all_names = pl.concat([left.select(upper), right.select(upper)]).to_series().to_numpy()
    vectors = words.fit_transform(all_names)
    of_left, of_right = vectors[: left.height], vectors[left.height :]
    best, similarity = _most_similar(of_left, of_right)
    back, _ = _most_similar(of_right, of_left)
    by_name = pl.DataFrame({"i": np.arange(left.height), "j": best, "similarity": similarity}).filter(
        pl.Series(back[best] == np.arange(left.height)) & (pl.col("similarity") >= LEAST_SIMILAR)
    )
    codes = left.with_row_index("i").join(right.with_row_index("j"), on="product_code")
    i, j = codes["i"].cast(pl.Int64), codes["j"].cast(pl.Int64)
    cosines = np.asarray(of_left[i.to_numpy()].multiply(of_right[j.to_numpy()]).sum(axis=1)).ravel()
    by_code = pl.DataFrame({"i": i, "j": j, "similarity": cosines}).filter(
        pl.col("similarity") >= WITH_SAME_CODE
    )
    pairs = pl.concat([by_name, by_code.cast(by_name.schema)]).unique(["i", "j"])
    shown = [
        column
        for column in left.columns
        if column in ("source_system", "product_code", "group_product_id", *TELLING)
    ]
    joined = pairs.join(
        left.select(shown).with_row_index("i").with_columns(pl.col("i").cast(pl.Int64)), on="i"
    ).join(
        right.select(shown).with_row_index("j").with_columns(pl.col("j").cast(pl.Int64)),
        on="j",
        suffix="_other",
    )
    differs = pl.any_horizontal(
        (pl.col(name).str.to_uppercase() != pl.col(f"{name}_other").str.to_uppercase()).fill_null(False)
        for name in TELLING
    )
    return joined.filter(~differs & (pl.col("group_product_id") != pl.col("group_product_id_other"))).select(
        "source_system",
        "product_code",
        pl.col("source_system_other").alias("other_source_system"),
        pl.col("product_code_other").alias("other_product_code"),
        pl.col("similarity").cast(pl.Float64).round(2),
        (pl.col("product_code") == pl.col("product_code_other")).alias("has_same_code"),
    )


def _most_similar(asked: csr_matrix, among: csr_matrix) -> tuple[np.ndarray, np.ndarray]:
    """For each row of one sparse matrix the most similar of the other and their cosine, some rows at a time:
    all at once would be a dense matrix of products by products.
    """
    best, value = [], []
    for start in range(0, asked.shape[0], ROWS_AT_ONCE):
        cosines = asked[start : start + ROWS_AT_ONCE] @ among.T
        best.append(np.asarray(cosines.argmax(axis=1)).ravel())
        value.append(np.asarray(cosines.max(axis=1).todense()).ravel())
    return np.concatenate(best), np.concatenate(value)
