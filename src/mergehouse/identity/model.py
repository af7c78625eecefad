"""The linkage model as an artefact: how much each level of agreement says, and from which data that was
learned.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Collection
from dataclasses import asdict, dataclass

from mergehouse.errors import ConfigError

OTHERS = ""  # among frequencies: the mean of all values that are not listed
FORMAT = 1  # raised whenever comparisons or their levels change


@dataclass(frozen=True)
class Level:
    """Of agreement in one comparison: `m` is its probability among pairs of the same person, `u` among pairs
    of two persons. `u_exact` where u was counted over all pairs, else over a sample.
    """

    label: str
    m: float
    u: float
    u_exact: bool


@dataclass(frozen=True)
class LinkModel:
    """What `train` learned without any known pair. `comparisons` are levels by the name of the comparison;
    `frequencies` are shares of customers by value, of values that many customers share, by attribute, with
    OTHERS for the mean of all others. `prior` is the probability that two customers of two brands, drawn at
    random, are one person.
    """

    trained_at: dt.datetime
    version: str
    attributes: tuple[str, ...]
    customers: dict[str, int]
    prior: float
    comparisons: dict[str, tuple[Level, ...]]
    frequencies: dict[str, dict[str, float]]

    def to_json(self) -> str:
        """The artefact's text; equal models have equal texts."""
        return json.dumps(
            {"format": FORMAT, **asdict(self)}, default=dt.datetime.isoformat, indent=1, sort_keys=True
        )

    @classmethod
    def from_json(cls, text: str, source: str = "the linkage model") -> LinkModel:
        """Reads an artefact; `source` names it in messages. Raises ConfigError where it cannot be used."""
        try:
            read = json.loads(text)
            if read.pop("format") != FORMAT:
                raise ConfigError(
                    f"{source}: made by another version of mergehouse ({read['version']}). Train it anew with"
                    " `mergehouse identity train`."
                )
            read["comparisons"] = {
                name: tuple(Level(**level) for level in levels)
                for name, levels in read["comparisons"].items()
            }
            read["trained_at"] = dt.datetime.fromisoformat(read["trained_at"])
            return cls(**read | {"attributes": tuple(read["attributes"])})
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ConfigError(
                f"{source}: not a linkage model ({type(error).__name__}: {error}). Restore it from a copy, or"
                " train it anew with `mergehouse identity train`."
            ) from None

    def check(self, attributes: Collection[str]) -> None:
        """Raises ConfigError where the model was trained on other attributes than those."""
        lost, unknown = sorted({*self.attributes} - {*attributes}), sorted({*attributes} - {*self.attributes})
        if lost or unknown:
            differences = [
                *([f"{', '.join(lost)} it knows, but the customers lack"] if lost else []),
                *([f"{', '.join(unknown)} the customers have, but it does not know"] if unknown else []),
            ]
            raise ConfigError(
                f"The linkage model of {self.trained_at:%Y-%m-%d} was trained on other attributes:"
                f" {'; '.join(differences)}. Train it anew with `mergehouse identity train`."
            )
