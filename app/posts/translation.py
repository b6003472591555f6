"""Translation by a provider with LibreTranslate's API, or none. Only this module knows the provider."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import Any, Protocol

import httpx2
from flask import current_app

from app.lib.text.languages import base

LARGEST_ANSWER = 256 * 1024  # bytes: many times the length of a post in any script
MAX_TEXT_LENGTH = 20_000  # characters of a translation that are shown


class TranslationFailed(Exception):
    """The provider did not respond in time, or not with a translation. The message is for the log."""


class Provider(Protocol):
    """A translation provider."""

    @property
    def name(self) -> str:
        """The name shown to readers; "" for none."""

    @property
    def available(self) -> bool:
        """Whether it can translate at all."""

    def translate(self, text: str, source: str, target: str) -> str:
        """Return `text` in the language `target`. Raise TranslationFailed."""


class NoProvider:
    """The provider of a site without translation: "Translate" is not shown."""

    name = ""
    available = False

    def translate(self, text: str, source: str, target: str) -> str:
        """Raise TranslationFailed."""
        raise TranslationFailed("TRANSLATE_URL is not set")


@dataclass(frozen=True)
class LibreTranslate:
    """A server with LibreTranslate's API: POST /translate (docs.libretranslate.com, "API usage")."""

    url: str
    key: str
    timeout: float  # seconds for the whole exchange: DNS, connection, request and response
    name: str = "LibreTranslate"
    available: bool = True

    def translate(self, text: str, source: str, target: str) -> str:
        """Return `text` in the language `target`, as plain text. Raise TranslationFailed within `timeout`."""
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
        # Read in chunks: the client's timeout restarts with each byte, and a response may never end.
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
    """Return LibreTranslate's code for ours: Chinese with its script, all other languages without."""
    if base(code) == "zh":
        return "zh-Hant" if "Hant" in code else "zh-Hans"
    return {"no": "nb", "fil": "tl"}.get(base(code), base(code))


def provider() -> Provider:
    """Return the provider of the settings."""
    config = current_app.config
    if not config["TRANSLATE_URL"]:
        return NoProvider()
    return LibreTranslate(
        config["TRANSLATE_URL"].rstrip("/"), config["TRANSLATE_API_KEY"], float(config["TRANSLATE_TIMEOUT"])
    )


def useful(written_in: str, reader: str) -> bool:
    """Return whether to offer a translation: the text's language is known, and not the reader's."""
    return bool(written_in) and base(written_in) != base(reader) and provider().available
