"""Static files: named by their content, kept for ever by that name only, and under every security header."""

from __future__ import annotations

import gzip
import re
from typing import Any

import pytest
from flask import Flask

from app.web.assets import RTL
from app.web.headers import SECURITY_HEADERS


def address(app: Flask, name: str) -> str:
    asset: Any = app.jinja_env.globals["asset"]
    return str(asset(name))


def fetched(client: Any, url: str, **headers: str) -> Any:
    """The answer, whole, and its file closed: a server does that, the test client leaves it to us."""
    response = client.get(url, headers=headers)
    response.get_data()
    response.close()
    return response


def test_a_file_is_kept_for_ever_by_its_own_version_only(app: Flask, client: Any) -> None:
    url = address(app, "css/tokens.css")
    assert re.fullmatch(r"/static/css/tokens\.css\?v=[0-9a-f]{12}", url)
    assert "immutable" in fetched(client, url).headers["Cache-Control"]
    for other in ("/static/css/tokens.css", "/static/css/tokens.css?v=000000000000"):
        assert fetched(client, other).headers["Cache-Control"] == "public, max-age=60"


def test_static_answers_carry_the_security_headers(app: Flask, client: Any) -> None:
    headers = fetched(client, address(app, "vendor/jquery/jquery.min.js")).headers
    assert all(headers[name] == value for name, value in SECURITY_HEADERS.items())


@pytest.mark.parametrize(
    "name",
    ["vendor/bootstrap/css/bootstrap.min.css", "vendor/bootstrap/css/font/fonts/bootstrap-icons.woff2", RTL],
)
def test_what_pages_use_is_served(app: Flask, client: Any, name: str) -> None:
    assert fetched(client, address(app, name)).status_code == 200


@pytest.mark.parametrize(
    "path",
    ["vendor/bootstrap/css/bootstrap.min.css.map", "vendor/bootstrap/icons/bootstrap-icons.svg", "../config.py", ""],
)
def test_nothing_else_is(client: Any, path: str) -> None:
    assert fetched(client, f"/static/{path}").status_code == 404


def test_text_is_compressed_for_who_takes_it(app: Flask, client: Any) -> None:
    url = address(app, RTL)
    small = fetched(client, url, **{"Accept-Encoding": "gzip"})
    assert small.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(small.data) == fetched(client, url).data


def test_addresses_stand_under_the_path_the_site_is_mounted_at(app: Flask) -> None:
    with app.test_request_context("/", environ_overrides={"SCRIPT_NAME": "/blog"}):
        assert address(app, "css/tokens.css").startswith("/blog/static/css/tokens.css?v=")


def test_an_unknown_file_is_an_error_of_the_template(app: Flask) -> None:
    with pytest.raises(KeyError):
        address(app, "css/no_such_file.css")
