"""Translation by a provider: LibreTranslate's API, or none. The one place that knows the provider."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import Any, Protocol

import httpx2
from flask import current_app

from app.lib.text.languages import base

LARGEST_ANSWER = 256 * 1024  # bytes: many times a post in any script
MAX_TEXT_LENGTH = 20_000  # characters of a translation that are shown


class TranslationFailed(Exception):
    """The provider did not answer in time, or not with a translation. The message is for the log."""


class Provider(Protocol):
    """What can translate."""

    @property
    def name(self) -> str:
        """What the reader is told; "" for none."""

    @property
    def available(self) -> bool:
        """Whether it can be asked at all."""

    def translate(self, text: str, source: str, target: str) -> str:
        """`text` in the language `target`. Raises TranslationFailed."""


class NoProvider:
    """The twin for a site that has none: "Translate" is not shown."""

    name = ""
    available = False

    def translate(self, text: str, source: str, target: str) -> str:
        """Never a translation."""
        raise TranslationFailed("TRANSLATE_URL is not set")


@dataclass(frozen=True)
class LibreTranslate:
    """A server with LibreTranslate's API: POST /translate (docs.libretranslate.com, "API usage")."""

    url: str
    key: str
    timeout: float  # seconds for everything: name, connection, question and the whole answer
    name: str = "LibreTranslate"
    available: bool = True

    def translate(self, text: str, source: str, target: str) -> str:
        """`text` in the language `target`, as plain text. Raises TranslationFailed within `timeout`."""
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
        # Read bit by bit: a timeout of the client counts from each byte, and an answer may have no end.
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
    """Our code as LibreTranslate writes it: Chinese by its script, everything else without."""
    if base(code) == "zh":
        return "zh-Hant" if "Hant" in code else "zh-Hans"
    return {"no": "nb", "fil": "tl"}.get(base(code), base(code))


def provider() -> Provider:
    """The provider that the settings name."""
    config = current_app.config
    if not config["TRANSLATE_URL"]:
        return NoProvider()
    return LibreTranslate(
        config["TRANSLATE_URL"].rstrip("/"), config["TRANSLATE_API_KEY"], float(config["TRANSLATE_TIMEOUT"])
    )


def useful(written_in: str, reader: str) -> bool:
    """Whether to offer a translation: the text's language is known, and not the reader's."""
    return bool(written_in) and base(written_in) != base(reader) and provider().available
