"""Categories of the group for products that no rule places, learned from those that rules do place."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from mergehouse.errors import FitError

if TYPE_CHECKING:
    from sklearn.feature_extraction.text import TfidfVectorizer

FEWEST, FOLDS, SEED = 20, 5, 0  # products to learn from; parts of which one is held out each time
ALTERNATIVES = 3
GUESS = pl.Struct({"department": pl.String, "category": pl.String})


@dataclass(frozen=True)
class Skill:
    """How often suggestions were right for products whose rule was hidden, shares of `products`: of the first
    suggestion, and of any of three. Products without a rule are like these, for their words occur in none.
    """

    products: int
    first: float
    among_three: float


@dataclass(frozen=True)
class CategorySuggestions:
    """`rows`: `source_system`, `product_code`, `guesses` (list of department and category, best first),
    `confidence` (share right among held-out products for which the classifier was as sure; null where there
    are too few rules to hold some out). `skill` is null likewise.
    """

    rows: pl.DataFrame
    skill: Skill | None


def suggested_categories(products: pl.DataFrame) -> CategorySuggestions:
    """Suggests a category for each product whose department is `Unmapped`. `products`: merchandise, a row a
    product, columns `source_system`, `product_code`, `product_name`, `source_category`, `department`,
    `category`, `matched_rule`.

    A linear support vector machine on character n-grams of names, weighted by TF-IDF, as scikit-learn's
    documentation proposes for short texts. Confidence is isotonic regression (Zadrozny & Elkan 2002) of being
    right on the distance between the first and the second class, over products whose whole rule was held out.
    Raises FitError where fewer than 20 products of two categories are placed by rules.

    >>> mugs = {"product_name": ["BLUE MUG", "RED MUG"] * 10, "department": "Home", "category": "Mugs"}
    >>> bags = {"product_name": ["BLUE BAG", "RED BAG"] * 10, "department": "Bags", "category": "Bags"}
    >>> new = {"product_name": ["GREEN MUGS"], "department": "Unmapped", "category": "Unmapped"}
    >>> given = pl.concat([pl.DataFrame(part) for part in (mugs, bags, new)]).with_columns(
    ...     pl.lit("shop").alias("source_system"), pl.col("product_name").alias("product_code"),
    ...     pl.lit(None, pl.String).alias("source_category"), pl.lit("*").alias("matched_rule"))
    >>> suggested_categories(given).rows["guesses"][0][0]
    {'department': 'Home', 'category': 'Mugs'}
    """
    texts = pl.concat_str(
        "product_name", "source_category", separator=" ", ignore_nulls=True
    ).str.to_uppercase()
    products = products.sort("source_system", "product_code").with_columns(texts.alias("text"))
    is_placed = (pl.col("department") != "Unmapped") & pl.col("matched_rule").is_not_null()
    placed = products.filter(is_placed & (pl.col("text") != ""))
    wanted = products.filter((pl.col("department") == "Unmapped") & (pl.col("text") != ""))
    classes = placed.select(pl.struct("department", "category").rank("dense")).to_series().to_numpy() - 1
    if placed.height < FEWEST or len(np.unique(classes)) < 2:
        raise FitError(
            f"{placed.height} products of {len(np.unique(classes))} categories are placed by rules of"
            f" category_map.csv; suggestions are learned from {FEWEST} or more, of two categories at least."
        )
    names = placed.select(pl.struct("department", "category")).to_series().unique().sort()
    rules = placed.select(pl.struct("source_system", "matched_rule").rank("dense")).to_series().to_numpy()
    texts_placed = placed["text"].to_numpy()
    held_out = _held_out(texts_placed, classes, rules)
    if wanted.is_empty():
        scores = np.empty((0, len(names)))
    else:
        scores = _scores(texts_placed, classes, wanted["text"].to_numpy(), len(names))
    best = np.argsort(-scores, axis=1, kind="stable")[:, :ALTERNATIVES]
    rows = wanted.select("source_system", "product_code").with_columns(
        pl.Series("guesses", [names.gather(row) for row in best], pl.List(GUESS)),
        pl.Series(
            "confidence", _confidence(scores, *held_out) if held_out else [None] * len(best), pl.Float64
        ),
    )
    return CategorySuggestions(rows, _skill(*held_out) if held_out else None)


def vectorizer() -> TfidfVectorizer:
    """Names as weighted character n-grams within words.

    >>> sorted(vectorizer().fit(["MUG"]).vocabulary_)[:3]
    [' m', ' mu', ' mug']
    """
    from sklearn.feature_extraction.text import TfidfVectorizer

    return TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5), sublinear_tf=True, dtype=np.float32)


def _scores(known: np.ndarray, classes: np.ndarray, asked: np.ndarray, width: int) -> np.ndarray:
    """How far each asked text is on each class's side; of classes that were not learned, as far off as can
    be.
    """
    from sklearn.svm import LinearSVC

    words = vectorizer()
    model = LinearSVC(random_state=SEED).fit(words.fit_transform(known), classes)
    found = model.decision_function(words.transform(asked))
    scores = np.full((len(asked), width), -np.inf)
    scores[:, model.classes_] = np.column_stack([-found, found]) if found.ndim == 1 else found
    return scores


def _held_out(
    texts: np.ndarray, classes: np.ndarray, rules: np.ndarray
) -> tuple[np.ndarray, np.ndarray] | None:
    """Scores of each product by a model that saw no product of its rule, and the right classes. Products of a
    category that has no other rule are left out: nobody could name it.
    """
    from sklearn.model_selection import StratifiedGroupKFold

    if len(np.unique(rules)) < FOLDS:
        return None
    scores = np.full((len(texts), classes.max() + 1), -np.inf)
    can_be_known = np.zeros(len(texts), dtype=bool)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of categories with fewer products than parts
        parts = list(
            StratifiedGroupKFold(FOLDS, shuffle=True, random_state=SEED).split(texts, classes, rules)
        )
    for learned, asked in parts:
        if len(np.unique(classes[learned])) > 1:
            scores[asked] = _scores(texts[learned], classes[learned], texts[asked], scores.shape[1])
            can_be_known[asked] = np.isin(classes[asked], classes[learned])
    return (scores[can_be_known], classes[can_be_known]) if can_be_known.any() else None


def _distance(scores: np.ndarray) -> np.ndarray:
    """Between the first and the second class."""
    ordered = np.sort(scores, axis=1)
    return ordered[:, -1] - ordered[:, -2]


def _confidence(scores: np.ndarray, held_out: np.ndarray, classes: np.ndarray) -> np.ndarray:
    from sklearn.isotonic import IsotonicRegression

    is_right = held_out.argmax(axis=1) == classes
    fitted = IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip").fit(_distance(held_out), is_right)
    return np.round(fitted.predict(_distance(scores)), 2) if len(scores) else np.empty(0)


def _skill(held_out: np.ndarray, classes: np.ndarray) -> Skill:
    best = np.argsort(-held_out, axis=1, kind="stable")[:, :ALTERNATIVES]
    is_right = best == classes[:, None]
    return Skill(len(classes), float(is_right[:, 0].mean()), float(is_right.any(axis=1).mean()))
