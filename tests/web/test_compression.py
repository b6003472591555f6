"""Answers are compressed for browsers that accept it, and their length gives no secret away."""

from __future__ import annotations

import gzip
import re
from base64 import urlsafe_b64decode
from typing import Any

import pytest

from app.web.compression import MAX_PADDING, compress
from app.web.csrf import mask, unmask

LOGIN = "/auth/login"
GZIP = {"Accept-Encoding": "gzip, deflate, br"}
TOKEN = re.compile(r'name="csrf_token" type="hidden" value="([^"]+)"')


def test_a_page_is_compressed_for_a_browser_that_accepts_gzip(client: Any) -> None:
    plain = client.get(LOGIN)
    small = client.get(LOGIN, headers=GZIP)
    assert "Content-Encoding" not in plain.headers
    assert small.headers["Content-Encoding"] == "gzip"
    assert small.headers["Vary"].count("Accept-Encoding") == plain.headers["Vary"].count("Accept-Encoding") == 1
    assert len(small.data) == int(small.headers["Content-Length"]) < len(plain.data) / 2
    assert b"</html>" in gzip.decompress(small.data)


def test_gzip_is_not_sent_to_clients_that_reject_it(client: Any) -> None:
    assert "Content-Encoding" not in client.get(LOGIN, headers={"Accept-Encoding": "gzip;q=0"}).headers


def test_redirects_are_not_compressed(client: Any) -> None:
    assert "Content-Encoding" not in client.get("/", headers=GZIP).headers


def test_identical_content_has_varying_compressed_lengths() -> None:
    lengths = {len(compress(b"the same" * 100)) for _ in range(200)}
    assert len(lengths) > 20
    assert max(lengths) - min(lengths) <= MAX_PADDING + 1  # the empty name has no field, not even its end


def test_csrf_token_is_masked_differently_in_every_response(client: Any) -> None:
    seen = [TOKEN.findall(client.get(LOGIN).text) for _ in range(2)]
    assert seen[0][0] != seen[1][0]
    assert unmask(seen[0][0]).split(".")[0] == unmask(seen[1][0]).split(".")[0]  # one session, one secret


def test_masked_token_is_the_xor_of_its_halves() -> None:
    both = urlsafe_b64decode(mask("token\0"))
    assert [a ^ b for a, b in zip(both[:6], both[6:], strict=True)] == list(b"token\0")
    assert unmask(mask("\0token")) == "\0token"


@pytest.mark.parametrize("text", ["AA==", "AAAA", "AAECAwQ=", "A", "/w7+", "gICA", "a.b"])
def test_malformed_masked_token_is_returned_unchanged(text: str) -> None:
    """Halves of different lengths, no Base64, no UTF-8 after the XOR."""
    assert unmask(text) == text


def test_masked_and_plain_csrf_tokens_are_accepted_and_others_are_rejected(client: Any) -> None:
    masked = TOKEN.findall(client.get(LOGIN).text)[0]
    form = {"username": "nobody", "password": "wrong"}
    for token in (masked, unmask(masked)):
        assert client.post(LOGIN, data={**form, "csrf_token": token}).status_code != 400
    for token in ("", "AAAA", "not base64 é", masked[:-4], mask("no.such.token")):
        assert client.post(LOGIN, data={**form, "csrf_token": token}).status_code == 400
