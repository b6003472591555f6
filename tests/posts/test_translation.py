"""Translation: a real server on this machine answers as LibreTranslate does, or does not."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from app.extensions import db as the_db
from tests.factories import a_post, a_user

the_pool: Any = None


class Provider(ThreadingHTTPServer):
    """A translation server. `mode` says how it behaves; `asked` is what it was asked."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.mode = "good"
        self.asked: list[dict[str, str]] = []
        self.pools: list[int] = []
        self.url = f"http://127.0.0.1:{self.server_port}"


class Answer(BaseHTTPRequestHandler):
    server: Provider

    def do_POST(self) -> None:
        question = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.asked.append({"path": self.path, **question})
        self.server.pools.append(the_pool.checkedout())
        with suppress(BrokenPipeError, ConnectionResetError):  # the site hangs up on what is slow or huge
            getattr(self, f"be_{self.server.mode}")(question)

    def be_good(self, question: dict[str, str]) -> None:
        self.say(json.dumps({"translatedText": f"<b>{question['q']}</b> in {question['target']}"}))

    def be_broken(self, _question: object) -> None:
        self.say('{"error": "no such language"}', 400)

    def be_nonsense(self, _question: object) -> None:
        self.say("<html>")

    def be_wrong(self, _question: object) -> None:
        self.say('{"translatedText": ["no", "text"]}')

    def be_a_list(self, _question: object) -> None:
        self.say("[1, 2]")

    def be_huge(self, _question: object) -> None:
        self.say(json.dumps({"translatedText": "x" * 3_000_000}))

    def be_slow(self, _question: object) -> None:
        time.sleep(3)

    def be_dripping(self, _question: object) -> None:
        self.send_response(200)
        self.end_headers()
        for _ in range(60):
            self.wfile.write(b" ")
            self.wfile.flush()
            time.sleep(0.1)

    def say(self, text: str, code: int = 200) -> None:
        self.send_response(code)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_arguments: object) -> None:
        """Quiet."""


@pytest.fixture
def provider(configure, db) -> Iterator[Provider]:
    global the_pool
    server = Provider()
    the_pool = the_db.engine.pool
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    configure(TRANSLATE_URL=server.url + "/", TRANSLATE_API_KEY="the key", TRANSLATE_TIMEOUT=1)
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def ana(as_):
    return as_(a_user("ana", language="en"))


def test_post_is_translated_into_the_page_language(ana, provider):
    post = a_post(ana.user, "Hola a todos", language="es")
    assert f"/post/{post.id}/translate" in ana.get("/").text
    answer = ana.post_form(f"/post/{post.id}/translate")
    assert answer.json == {"text": "<b>Hola a todos</b> in en", "language": "en", "provider": "LibreTranslate"}
    assert answer.mimetype == "application/json"
    (asked,) = provider.asked
    assert asked == {
        "path": "/translate",
        "q": "Hola a todos",
        "source": "es",
        "target": "en",
        "format": "text",
        "api_key": "the key",
    }


def test_no_transaction_is_open_during_a_provider_request(ana, provider):
    post = a_post(ana.user, "Hola", language="es")
    the_db.session.remove()
    ana.post_form(f"/post/{post.id}/translate")
    assert provider.pools == [0]


@pytest.mark.parametrize("mode", ["broken", "nonsense", "wrong", "a_list", "huge", "slow", "dripping"])
def test_failing_translation_provider_returns_an_error_within_a_second(ana, provider, mode):
    post = a_post(ana.user, "Hola", language="es")
    provider.mode = mode
    started = time.monotonic()
    answer = ana.post_form(f"/post/{post.id}/translate")
    assert time.monotonic() - started < 2
    assert answer.status_code == 503
    assert "later" in answer.json["error"]


def test_unreachable_translation_provider_returns_503(ana, configure):
    configure(TRANSLATE_URL="http://127.0.0.1:1")
    post = a_post(ana.user, "Hola", language="es")
    assert ana.post_form(f"/post/{post.id}/translate").status_code == 503


def test_only_posts_in_another_known_language_have_the_translate_button(ana, provider):
    foreign = {a_post(ana.user, language=language).id for language in ("es", "zh_Hant")}
    for language in ("en", ""):
        a_post(ana.user, language=language)
    page = ana.get("/").text
    assert page.count("data-translate-url") == 2
    for identity in foreign:
        assert f'data-translate-url="/post/{identity}/translate"' in page


def test_translate_button_is_hidden_without_a_provider(ana):
    post = a_post(ana.user, "Hola", language="es")
    assert "data-translate-url" not in ana.get("/").text
    assert ana.post_form(f"/post/{post.id}/translate").status_code == 503


def test_chinese_is_translated_with_its_script_code(ana, provider):
    post = a_post(ana.user, "你好", language="zh_Hant")
    ana.post_form(f"/post/{post.id}/translate")
    assert provider.asked[0]["source"] == "zh-Hant"


def test_deleted_post_is_not_translated(ana, provider):
    assert ana.post_form("/post/7/translate").status_code == 404
    assert provider.asked == []
