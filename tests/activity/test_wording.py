"""One sentence for page, mail and push, made from kind and arguments when it is read."""

from __future__ import annotations

import pytest
from markupsafe import Markup

from app.mailer import site_url
from app.models import Activity, Post, User
from app.notifications import render


def a_person(name):
    return User(username=name.lower().replace(" ", "_"), name=name)


def followed_by(*names):
    return [Activity(id=1, kind="follow", actor=a_person(name), args={}) for name in names]


@pytest.fixture(autouse=True)
def in_a_request(app):
    with app.test_request_context():
        yield


@pytest.mark.parametrize(
    ("names", "text"),
    [
        (["Ana Lima"], "Ana Lima followed you"),
        (["Ana", "Ben"], "Ana and Ben followed you"),
        (["Ana", "Ben", "Zoe"], "Ana and 2 others followed you"),
        (["Ana", "Ben", "Zoe", "Kim"], "Ana and 3 others followed you"),
        (["%(num)s"], "%(num)s followed you"),
    ],
)
def test_followers_are_worded_for_one_two_and_many(names, text):
    assert render.render(followed_by(*names)).text == text


def test_html_sentence_escapes_names():
    line = render.render(followed_by("<b>", "&", "x"))
    assert line.html() == "<bdi>&lt;b&gt;</bdi> and 2 others followed you"
    linked = line.html(lambda user: Markup('<a href="/user/{}">{}</a>').format(user.username, user.display_name))
    assert linked == '<a href="/user/&lt;b&gt;">&lt;b&gt;</a> and 2 others followed you'


@pytest.mark.parametrize(
    ("args", "text", "note"),
    [
        (
            {"browser": "Firefox", "system": "Linux", "address": "192.0.2.1"},
            "New login: Firefox on Linux",
            "IP address: \u2066192.0.2.1\u2069",
        ),
        ({"browser": "curl", "system": "", "address": ""}, "New login: curl", ""),
        ({"browser": "", "system": "Android"}, "New login: Android", ""),
        ({}, "New login from an unknown browser", ""),
    ],
)
def test_login_event_includes_known_details(args, text, note):
    line = render.render([Activity(kind="login", args=args)])
    assert (line.text, line.note) == (text, note)
    assert site_url(line.endpoint, **line.values) == "http://microblog.test/auth/security"


@pytest.mark.parametrize(
    ("kind", "name", "text"),
    [
        ("job_done", "posts.export", "Your export is ready"),
        ("job_failed", "posts.export", "Your export failed"),
        ("job_done", "of.tomorrow", "Your background task is done"),
        ("job_failed", "of.tomorrow", "Your background task failed"),
    ],
)
def test_finished_and_failed_tasks_are_worded(kind, name, text):
    line = render.render([Activity(kind=kind, args={"name": name, "job_id": "1"})])
    assert line.text == text
    assert line.html() == text


def test_mention_quotes_the_post():
    post = Post(id=7, body="Hello\n\n  @ana,\nhow are you?", language="pt_BR")
    line = render.render([Activity(kind="mention", actor=a_person("Ben"), post=post, post_id=7, args={})])
    assert line.text == "Ben mentioned you"
    assert (line.snippet, line.snippet_lang) == ("Hello @ana, how are you?", "pt-BR")
    assert line.snippet_html() == "Hello <bdi>@ana</bdi>, how are you?"
    assert site_url(line.endpoint, **line.values) == "http://microblog.test/post/7"


def test_ungrouped_kinds_cannot_be_rendered_together():
    with pytest.raises(ValueError, match="one by one"):
        render.render([Activity(kind="login", args={}), Activity(kind="login", args={})])
