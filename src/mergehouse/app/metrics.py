"""`/metrics` for Prometheus: how much is asked, how long it takes, how old figures are; nothing of anybody's.

Several processes add up what they count through files in the folder that PROMETHEUS_MULTIPROC_DIR names,
which must be set before this is imported.
"""

from __future__ import annotations

import datetime as dt
import hmac
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fastapi import APIRouter, Request
from fastapi.responses import Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector
from starlette.exceptions import HTTPException
from starlette.types import Scope

from mergehouse.errors import MergehouseError

if TYPE_CHECKING:
    from mergehouse.app.server import Suite

FOLDER, TOKEN = "PROMETHEUS_MULTIPROC_DIR", "MERGEHOUSE_METRICS_TOKEN"
SECONDS = (0.025, 0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4)
_registry = CollectorRegistry()
_requests = Counter("mergehouse_requests", "Answers.", ["method", "route", "status"], registry=_registry)
_request_seconds = Histogram(
    "mergehouse_request_seconds", "Until the answer was sent.", ["route"], buckets=SECONDS, registry=_registry
)
_kept = Counter("mergehouse_answers_kept", "Queries answered without the engine.", registry=_registry)
_query_seconds = Histogram(
    "mergehouse_query_seconds", "What queries took in the engine.", buckets=SECONDS, registry=_registry
)
router = APIRouter()


def count_request(scope: Scope, status: int, seconds: float) -> None:
    """By the route's template: what is in an address is nobody's business, and has no end."""
    route = getattr(scope.get("route"), "path", "none")
    method = scope["method"] if scope["method"] in ("GET", "HEAD", "POST") else "other"
    _requests.labels(method, route, str(status)).inc()
    _request_seconds.labels(route).observe(seconds)


def count_query(seconds: float | None) -> None:
    """What a query took; None where its answer was kept."""
    if seconds is None:
        _kept.inc()
    else:
        _query_seconds.observe(seconds)


@router.get("/metrics")
def metrics(request: Request) -> Response:
    """404 where nobody may have them: on a public address without MERGEHOUSE_METRICS_TOKEN, or without that
    token as a bearer's.
    """
    suite: Suite = request.app.state.suite
    token, given = os.environ.get(TOKEN, ""), request.headers.get("authorization", "")
    is_bearer = hmac.compare_digest(given.encode(), f"Bearer {token}".encode())
    if not (is_bearer if token else not suite.is_public):
        raise HTTPException(404)
    shown = CollectorRegistry()
    shown.register(_Data(suite))
    if os.environ.get(FOLDER):
        MultiProcessCollector(shown)
    else:
        shown.register(_Here())
    return Response(generate_latest(shown), media_type=CONTENT_TYPE_LATEST)


class _Here(Collector):
    """What this process has counted."""

    def collect(self) -> Iterator[Metric]:
        return iter(_registry.collect())


@dataclass(frozen=True, eq=False)  # a registry keeps collectors by what they are
class _Data(Collector):
    """How old the figures are that pages show, and whether there are newer ones."""

    suite: Suite

    def collect(self) -> Iterator[Metric]:
        try:
            gateway = self.suite.access().gateway
            age = (dt.datetime.now(dt.UTC) - gateway.version().written).total_seconds()
            behind = float(gateway.behind() != "")
        except MergehouseError:
            return
        yield GaugeMetricFamily("mergehouse_data_age_seconds", "Since figures were written.", value=age)
        yield GaugeMetricFamily("mergehouse_data_behind", "1 while newer ones are published.", value=behind)
