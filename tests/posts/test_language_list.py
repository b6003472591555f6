"""The composer offers the likeliest languages; the others come when somebody begins to write, or by a link."""

from __future__ import annotations

import re
from typing import Any

from tests.factories import a_user

OPTION = re.compile(r"<option(?: selected)? value=\"([^\"]*)\">")


def offered(page: str) -> list[str]:
    composer = page[page.index('<form class="composer"') :]
    return OPTION.findall(composer[: composer.index("</select>")])


def test_composer_offers_few_languages_and_links_to_all(as_: Any) -> None:
    client = as_(a_user("ana"))
    page = client.get("/").text
    few = offered(page)
    assert few[0] == "en"
    assert few[-1] == ""
    assert len(few) < 20
    assert 'href="/?languages=all"' in page
    everything = offered(client.get("/?languages=all").text)
    assert len(everything) > 200
    assert set(few) < set(everything)


def test_language_list_contains_all_others_in_the_page_language(as_: Any) -> None:
    client = as_(a_user("ana"))
    url = re.search(r'data-languages-url="([^"]+)"', client.get("/").text)
    assert url
    answer = client.get(url[1])
    names = dict(answer.json)
    assert names["cy"] == "Welsh"
    assert "" not in names
    assert answer.headers["Cache-Control"].startswith("private")
