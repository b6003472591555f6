"""Translate posts with a LibreTranslate server, if the site has one. Only this module depends on LibreTranslate."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import Any, Protocol

import httpx2
from flask import current_app

from app.lib.text.languages import base

LARGEST_ANSWER = 256 * 1024  # bytes; many times the length of a post in any script
MAX_TEXT_LENGTH = 20_000  # characters; longer translations are cut


class TranslationFailed(Exception):
    """The provider did not return a translation in time. The exception's message is for the log, not for users."""


class Provider(Protocol):
    """The interface of a translation provider."""

    @property
    def name(self) -> str:
        """The provider's name as shown to readers; "" if there is no provider."""

    @property
    def available(self) -> bool:
        """Whether the site has a translation provider."""

    def translate(self, text: str, source: str, target: str) -> str:
        """Translate `text` from the language `source` to `target`. Raises TranslationFailed if that is not possible."""


class NoProvider:
    """The provider of a site where TRANSLATE_URL is not set. Pages of such a site don't offer translations."""

    name = ""
    available = False

    def translate(self, text: str, source: str, target: str) -> str:
        """Raise TranslationFailed, because there is no provider."""
        raise TranslationFailed("TRANSLATE_URL is not set")


@dataclass(frozen=True)
class LibreTranslate:
    """A provider that uses LibreTranslate's API: POST /translate (docs.libretranslate.com, "API usage")."""

    url: str
    key: str
    timeout: float  # seconds for the whole exchange: DNS, connection, request and response
    name: str = "LibreTranslate"
    available: bool = True

    def translate(self, text: str, source: str, target: str) -> str:
        """Translate plain text. Raises TranslationFailed if the server returns no translation within `timeout`."""
        question = {"q": text, "source": _code(source), "target": _code(target), "format": "text"}
        if self.key:
            question["api_key"] = self.key
        try:
            answer = asyncio.run(asyncio.wait_for(self._ask(question), self.timeout))
            translated = json.loads(answer)["translatedText"]
        except TimeoutError:
            raise TranslationFailed(f"no answer within {self.timeout} seconds") from None
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError, ValueError, LookupError, TypeError) as error:
            raise TranslationFailed(f"{type(error).__name__}: {error}") from error
        if not isinstance(translated, str) or not translated.strip():
            raise TranslationFailed("the answer holds no text")
        return translated[:MAX_TEXT_LENGTH]

    async def _ask(self, question: dict[str, Any]) -> bytes:
        # Read in chunks to limit the size: a response may never end. The client's own timeout restarts with each byte.
        async with (
            httpx2.AsyncClient(timeout=self.timeout, trust_env=False) as client,
            client.stream("POST", f"{self.url}/translate", json=question) as response,
        ):
            response.raise_for_status()
            answer = b""
            async for piece in response.aiter_bytes():
                answer += piece
                if len(answer) > LARGEST_ANSWER:
                    raise TranslationFailed("the answer is too large")
            return answer


def _code(code: str) -> str:
    """Return LibreTranslate's code for a language. Only the codes of Chinese include a script: zh-Hans and zh-Hant."""
    if base(code) == "zh":
        return "zh-Hant" if "Hant" in code else "zh-Hans"
    return {"no": "nb", "fil": "tl"}.get(base(code), base(code))


def provider() -> Provider:
    """Return the provider that the settings configure."""
    config = current_app.config
    if not config["TRANSLATE_URL"]:
        return NoProvider()
    return LibreTranslate(
        config["TRANSLATE_URL"].rstrip("/"), config["TRANSLATE_API_KEY"], float(config["TRANSLATE_TIMEOUT"])
    )


def is_useful(written_in: str, reader: str) -> bool:
    """Return whether to offer a translation of a text to a reader.

    The text's language must be known and differ from the reader's, and the site must have a provider.
    """
    return bool(written_in) and base(written_in) != base(reader) and provider().available
