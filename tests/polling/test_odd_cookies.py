"""Cookies that are no text: another program of the same host set them, or somebody who looks for a way in."""

from __future__ import annotations

import gc
import tracemalloc

import pytest

ODD = ("theme=\xff", "theme=\xe2\x28", "session=\xff")


@pytest.mark.parametrize("cookie", ODD)
@pytest.mark.parametrize(("path", "status"), [("/notifications?since=1", 401), ("/auth/login", 200)])
def test_undecodable_cookie_is_treated_as_a_visitor(app, cookie, path, status):
    answer = app.test_client(use_cookies=False).get(path, environ_overrides={"HTTP_COOKIE": cookie})
    assert answer.status_code == status


def session_of(app, browser) -> str:
    name = app.config["SESSION_COOKIE_NAME"]
    return f"{name}={browser.get_cookie(name, domain='microblog.test').value}"


def test_cookies_of_other_programs_do_not_break_idle_polls(app, as_, queries):
    ana = as_("ana")
    assert ana.get("/notifications").status_code == 200
    both = {"HTTP_COOKIE": f"theme=\xff; {session_of(app, ana)}"}
    with queries() as asked:
        answer = app.test_client(use_cookies=False).get("/notifications", environ_overrides=both)
    assert (answer.status_code, len(asked)) == (200, 0), asked


def test_padded_copies_of_a_cookie_are_not_kept(app, as_):
    """A signature may have padding after it. Anyone can send one login's cookie in so many forms that memory fills."""
    ana = as_("ana")
    assert ana.get("/notifications").status_code == 200
    client = app.test_client(use_cookies=False)

    def poll(number: int) -> None:
        padded = {"HTTP_COOKIE": f"{session_of(app, ana)}={number}{'!' * 14_000}"}
        assert client.get("/notifications", environ_overrides=padded).status_code == 200

    poll(0)
    tracemalloc.start()
    try:
        for number in range(1, 201):
            poll(number)
        gc.collect()
        grown = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert grown < 200 * 14_000 / 2
