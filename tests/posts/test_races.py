"""The same thing asked for many times at once: one of it is made."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from sqlalchemy import select

from app.models import Job, Post
from tests.factories import a_user

AT_ONCE = 6


@pytest.mark.slow
@pytest.mark.parametrize(
    ("path", "form", "made"),
    [
        ("/post", {"post": "Once", "language": "en", "form_key": "one form"}, Post.id),
        ("/export_posts", {}, Job.id),
    ],
)
def test_concurrent_clicks_create_one_row(as_, db, path, form, made):
    ana = a_user("ana")
    browsers = [as_(ana) for _ in range(AT_ONCE)]
    gate = Barrier(AT_ONCE)

    def click(browser) -> int:
        gate.wait()
        return browser.post_form(path, form).status_code

    with ThreadPoolExecutor(AT_ONCE) as pool:
        assert set(pool.map(click, browsers)) == {303}
    assert len(db.session.scalars(select(made)).all()) == 1
