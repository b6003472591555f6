"""The baseline for polls: a Flask view that does no more than decode the session and send one GET to Redis."""

from __future__ import annotations

import os

import redis
from flask import Flask, Response, jsonify, session

app = Flask(__name__)
app.config["SECRET_KEY"] = os.environ["SECRET_KEY"]
client = redis.Redis.from_url(os.environ["REDIS_URL"])


@app.get("/notifications")
def poll() -> Response:
    """Read the session, send one command to Redis, and answer JSON."""
    known = client.get(f"floor:{session.get('user_id')}")
    return jsonify([] if known else [1])
