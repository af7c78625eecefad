"""The environment that the notebook runs in: Spark's version and size, and settings of the session.

Source: Microsoft's page on the definition of environments. Without `instance_pool_id` it is a starter pool.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

import yaml

from mergehouse.platform.fabric.item import Item, Unreadable, made

KIND, NAME = "Environment", "Ingestion"
COMPUTE, LIBRARIES = "Setting/Sparkcompute.yml", "Libraries/PublicLibraries/environment.yml"
CORES = (4, 8, 16, 32, 64)
MEMORY = ("28g", "56g", "112g", "224g", "400g")
RUNTIME = "1.3"  # Spark 3.5, Delta Lake 3.2
SPARK = f"""enable_native_execution_engine: false
driver_cores: 8
driver_memory: 56g
executor_cores: 8
executor_memory: 56g
dynamic_executor_allocation:
  enabled: true
  min_executors: 1
  max_executors: 2
spark_conf:
  spark.sql.session.timeZone: UTC
  spark.sql.parquet.vorder.default: 'true'
runtime_version: {RUNTIME}
"""


def environment_item() -> Item:
    """Instants in UTC, as everywhere; V-Order, which Direct Lake reads fastest. It installs no library: the
    notebook needs none.
    """
    return made(KIND, NAME, {COMPUTE: SPARK}, "what the notebook that ingests releases runs on.")


def check_environment(item: Item, items: Sequence[Item]) -> Iterator[str]:
    """What Fabric would refuse of an environment, in words."""
    found = _yaml(item, COMPUTE)
    scale = found.get("dynamic_executor_allocation")
    scale = scale if isinstance(scale, dict) else {}
    for part in ("driver", "executor"):
        for name, allowed in ((f"{part}_cores", CORES), (f"{part}_memory", MEMORY)):
            if found.get(name) not in allowed:
                yield f"{COMPUTE}: {name} is {found.get(name)}; expected one of {_list(allowed)}"
    least, most = scale.get("min_executors"), scale.get("max_executors")
    if not (isinstance(least, int) and isinstance(most, int) and 1 <= least <= most):
        yield f"{COMPUTE}: it has {least} to {most} executors; expected 1 or more, to as many or more"
    for name in ("enable_native_execution_engine", "runtime_version"):
        if name not in found:
            yield f"{COMPUTE}: {name} is missing"
    if LIBRARIES in item.files:
        for entry in _yaml(item, LIBRARIES).get("dependencies") or []:
            for name in entry.get("pip", []) if isinstance(entry, dict) else [entry]:
                if not re.fullmatch(r"[A-Za-z0-9._-]+(\[[^\]]+\])?==[^=]+", str(name)):
                    yield f"{LIBRARIES}: `{name}` has no version; expected name==version"


def _yaml(item: Item, path: str) -> dict[str, Any]:
    if path not in item.files:
        raise Unreadable(f"{path} is missing")
    try:
        found = yaml.safe_load(item.files[path])
    except yaml.YAMLError as error:
        raise Unreadable(f"{path} is not YAML ({' '.join(str(error).split())})") from None
    if not isinstance(found, dict):
        raise Unreadable(f"{path} is YAML, but no mapping")
    return found


def _list(values: Sequence[object]) -> str:
    return ", ".join(map(str, values))
