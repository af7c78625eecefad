"""A model as one skops file: the model, an example of its customers, and what it says of them. No pickle
anywhere.

skops loads no types but those it is told to trust. They are named here: MLflow's own loader for skops takes
them from the model that it is about to load, so that a crafted model would name its own. A file is loaded
only where its SHA-256 is the one known from elsewhere.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol
from zipfile import BadZipFile, ZipFile

import numpy as np
import polars as pl

from mergehouse.errors import RegistryError
from mergehouse.science.features.dataset import INPUTS

if TYPE_CHECKING:
    import pandas

TRUSTED = (  # beyond what skops trusts by itself: numpy's arrays, scikit-learn's estimators
    "mergehouse.science.churn.model.Churn",
    "mergehouse.science.churn.model.ChurnModel",
    "mergehouse.science.clv.ensemble.Clv",
    "mergehouse.science.clv.ensemble.Window",
    "mergehouse.science.clv.fallback.ClvFallback",
    "mergehouse.science.btyd.bgnbd.BGNBD",
    "mergehouse.science.btyd.gamma_gamma.GammaGamma",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.tree._tree.Tree",
    "datetime.date",
)
MOVED = {  # modules that models kept by earlier versions name
    "mergehouse.science.bgnbd": "mergehouse.science.btyd.bgnbd",
    "mergehouse.science.churn": "mergehouse.science.churn.model",
    "mergehouse.science.clv": "mergehouse.science.clv.ensemble",
    "mergehouse.science.clv_fallback": "mergehouse.science.clv.fallback",
    "mergehouse.science.gamma_gamma": "mergehouse.science.btyd.gamma_gamma",
}
NOT_INPUTS = ("customer_id", "source_system", "cutoff_date", "feature_version", "is_as_of")
EXAMPLES = 5  # customers in the example
PRECISION = 1e-6  # relative: what libraries' versions and processors may change in a prediction
Columns = dict[str, Any]  # floats with NaN for null, booleans as arrays; text as a list


class Model(Protocol):
    """What can be kept: rows of `gold.customer_features` in; an array, arrays by horizon or a dataclass of
    these out.
    """

    def predict(self, rows: pl.DataFrame) -> Any: ...


def dump_model(model: Model, rows: pl.DataFrame) -> bytes:
    """The file's content. `rows` are customers like those it predicts. Raises RegistryError where a type in
    it is not in TRUSTED.
    """
    import skops.io

    example = typical(rows)
    said = as_columns(model.predict(frame(example)))
    data = skops.io.dumps({"model": model, "inputs": list(INPUTS), "example": example, "said": said})
    if unknown := sorted(set(skops.io.get_untrusted_types(data=data)) - set(TRUSTED)):
        raise RegistryError(
            f"{type(model).__name__} holds types that nobody vouched for: {', '.join(unknown)}. Name them in"
            " TRUSTED."
        )
    return data


def load_model(data: bytes, sha256: str, named: str) -> Model:
    """The model in a file that is the one known by `sha256`, and that predicts today what it predicted when
    it was kept.

    Raises RegistryError, calling it `named`, where the file is another one, where it holds other types, and
    where features or the libraries have changed so that the example is predicted otherwise.
    """
    if (found := digest(data)) != sha256:
        raise RegistryError(
            f"{named}: its file was changed after it was registered (SHA-256 {found[:12]}..., expected"
            f" {sha256[:12]}...) and was not loaded. Restore the file, or train again."
        )
    return _checked(data, named)


def digest(data: bytes) -> str:
    """SHA-256 in hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def typical(rows: pl.DataFrame) -> Columns:
    """Customers with the most common numbers of purchases, one each: medians of all columns, the most
    frequent text. Nobody's own row.
    """
    columns = [c for c in rows.columns if c not in NOT_INPUTS and not c.startswith("next_")]
    texts = [c for c in columns if rows.schema[c] == pl.String]
    flags = [c for c in columns if rows.schema[c] == pl.Boolean]
    numbers = [c for c in columns if c not in {*texts, *flags, "purchases"}]
    of_each = rows.group_by("purchases").agg(
        *(_median(pl.col(c).cast(pl.Float64)) for c in numbers),
        *(pl.col(c).mean() > 0.5 for c in flags),
        *(pl.col(c).mode().sort().first() for c in texts),
        customers=pl.len(),
    )
    common = (
        of_each.sort(["customers", "purchases"], descending=[True, False])
        .head(EXAMPLES)
        .sort("purchases")
        .select(columns)
    )
    return {
        c: (
            common[c].to_list()
            if c in texts
            else common[c].cast(pl.Boolean if c in flags else pl.Float64).to_numpy()
        )
        for c in columns
    }


def _median(column: pl.Expr) -> pl.Expr:
    """The lower one; empty where the column is empty for most."""
    return pl.when(column.null_count() * 2 <= pl.len()).then(column.quantile(0.5, "lower"))


def frame(example: Columns) -> pl.DataFrame:
    """The example as rows to predict."""
    return pl.DataFrame(example, nan_to_null=True)


def as_columns(said: Any, name: str = "prediction") -> dict[str, np.ndarray]:
    """A prediction as named arrays: by horizon `prediction_90`, by field `low`, `value_365`."""
    if dataclasses.is_dataclass(said):
        parts = {field.name: getattr(said, field.name) for field in dataclasses.fields(said)}
    elif isinstance(said, dict):
        parts = {f"{name}_{key}": part for key, part in said.items()}
    else:
        return {name: np.asarray(said, dtype=float)}
    return {column: array for key, part in parts.items() for column, array in as_columns(part, key).items()}


def _checked(data: bytes, named: str) -> Model:
    import skops.io
    from skops.io.exceptions import UntrustedTypesFoundException

    try:
        content = skops.io.loads(_with_moved_modules(data), trusted=list(TRUSTED))
        kept = {part: content[part] for part in ("model", "inputs", "example", "said")}
    except UntrustedTypesFoundException as error:
        raise RegistryError(
            f"{named}: its file holds types that this version of mergehouse does not trust, and was not"
            f" loaded ({error})."
        ) from None
    except (BadZipFile, KeyError, TypeError, AttributeError, ImportError) as error:
        raise RegistryError(
            f"{named}: its file cannot be read by this version of mergehouse ({error!r}). Train again."
        ) from None
    if kept["inputs"] != list(INPUTS):
        gone, new = (
            [i for i in one if i not in other]
            for one, other in ((kept["inputs"], INPUTS), (INPUTS, kept["inputs"]))
        )
        differing = "; ".join(
            f"{what} {', '.join(names)}"
            for what, names in (("no longer there:", gone), ("new:", new))
            if names
        )
        raise RegistryError(
            f"{named} was trained on other inputs than there are now ({differing or 'in another order'})."
            " Train again."
        )
    try:
        says = as_columns(kept["model"].predict(frame(kept["example"])))
        same = says.keys() == kept["said"].keys() and all(
            np.allclose(says[c], kept["said"][c], rtol=PRECISION, atol=0, equal_nan=True) for c in says
        )
    except (pl.exceptions.PolarsError, ValueError, AttributeError, TypeError) as error:
        raise RegistryError(
            f"{named} cannot predict with the features there are now ({' '.join(str(error).split())[:200]})."
            " Train again."
        ) from None
    if not same:
        raise RegistryError(
            f"{named} predicts otherwise than when it was registered: features or libraries have changed"
            " since. Train again."
        )
    return kept["model"]


def _with_moved_modules(data: bytes) -> bytes:
    """The file with today's names of modules. Source: skops' file format, a ZIP archive whose `schema.json`
    names modules.
    """
    renamed = BytesIO()
    with ZipFile(BytesIO(data)) as kept, ZipFile(renamed, "w") as archive:
        for entry in kept.infolist():
            content = kept.read(entry)
            if entry.filename == "schema.json":
                schema = json.loads(content, object_hook=_with_moved_module)
                content = json.dumps(schema).encode()
            archive.writestr(entry, content)
    return renamed.getvalue()


def _with_moved_module(values: dict[str, Any]) -> dict[str, Any]:
    module = values.get("__module__")
    return values | {"__module__": MOVED[module]} if module in MOVED else values


def _load_pyfunc(path: str) -> _Served:
    """MLflow's entry for `mlflow.pyfunc.load_model` and its model server, which know the file's place and not
    its SHA-256.
    """
    return _Served(_checked(Path(path).read_bytes(), f"The model in {path}"))


@dataclasses.dataclass(frozen=True)
class _Served:
    """A model that takes and returns pandas frames, as MLflow wants it."""

    model: Model

    def predict(self, features: pandas.DataFrame, params: dict[str, Any] | None = None) -> pandas.DataFrame:
        import pandas

        return pandas.DataFrame(as_columns(self.model.predict(pl.from_pandas(features))))
