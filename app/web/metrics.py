"""Monitoring: `GET /healthz`, and `GET /metrics` in the Prometheus text format.

If METRICS_TOKEN is not set, /metrics responds with 404. All web processes return the same metrics, because they read
the metrics from the database and from Redis.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterator

from flask import Blueprint, Response, abort, current_app, request
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_1_0_0
from sqlalchemy import select

from app.core.time import now
from app.extensions import db, limiter
from app.jobs import worker_is_alive
from app.queries import operations

bp = Blueprint("metrics", __name__)

RECOUNTS = ("messages.recount", "notifications.recount", "posts.recount", "profiles.recount")


@bp.get("/healthz")
@limiter.exempt
def health() -> Response:
    """Return "ok" if the database responds. Otherwise, respond with 503.

    Load balancers and container health checks use this route. It doesn't check Redis, because the site works without
    Redis.
    """
    db.session.execute(select(1))
    return Response("ok\n", content_type="text/plain")


@bp.get("/metrics")
@limiter.exempt
def show() -> Response:
    """Return the metrics. Respond with 404 if the client does not send METRICS_TOKEN as a bearer token."""
    token: str = current_app.config["METRICS_TOKEN"]
    shown = request.headers.get("Authorization", "").encode()
    if not token or not hmac.compare_digest(shown, f"Bearer {token}".encode()):
        abort(404)
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Numbers())
    return Response(generate_latest(registry), content_type=CONTENT_TYPE_PLAIN_1_0_0)


class _Numbers:
    """A Prometheus collector that reads all metrics for one response."""

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yield every metric with its description and its current value."""
        drift = GaugeMetricFamily(
            "microblog_count_drift", "Stored numbers that the last recount found wrong: should be 0", labels=["job"]
        )
        for name, wrong in operations.last_drift(RECOUNTS).items():
            drift.add_metric([name], wrong)
        yield drift
        jobs = GaugeMetricFamily("microblog_jobs", "Jobs that are not done", labels=["queue", "state"])
        for (queue, state), count in operations.jobs_by_state().items():
            jobs.add_metric([queue, state], count)
        yield jobs
        since = operations.waiting_since(now())
        yield GaugeMetricFamily(
            "microblog_job_oldest_waiting_seconds",
            "How long the job that has been due longest waits for a worker",
            (now() - since).total_seconds() if since else 0,
        )
        yield GaugeMetricFamily(
            "microblog_worker_alive", "1 when a worker has spoken lately", 1 if worker_is_alive() else 0
        )
