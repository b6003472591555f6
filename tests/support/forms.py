"""Reading forms from a page, as a browser does."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any
from urllib.parse import urljoin, urlsplit


class _Forms(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: list[dict[str, Any]] = []
        self._select: str | None = None
        self._textarea: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        if tag == "form":
            method = values.get("method", "get").lower()
            self.forms.append({"action": values.get("action", ""), "method": method, "fields": {}})
        elif self.forms:
            self._field(tag, values)

    def _field(self, tag: str, values: dict[str, str]) -> None:
        fields, name = self.forms[-1]["fields"], values.get("name", "")
        if tag == "input" and name:
            if values.get("type") in {"checkbox", "radio"}:
                if "checked" in values:
                    fields[name] = values.get("value", "on")
                fields.setdefault(name, None)
            elif values.get("type") != "submit":
                fields[name] = values.get("value", "")
        elif tag == "textarea" and name:
            fields[name], self._textarea = "", name
        elif tag == "select" and name:
            fields[name], self._select = None, name
        elif tag == "option" and self._select and ("selected" in values or fields[self._select] is None):
            fields[self._select] = values.get("value", "")

    def handle_endtag(self, tag: str) -> None:
        if tag == "select":
            self._select = None
        elif tag == "textarea":
            self._textarea = None

    def handle_data(self, data: str) -> None:
        if self._textarea and self.forms:
            self.forms[-1]["fields"][self._textarea] += data


def forms_of(html: str) -> list[dict[str, Any]]:
    """The forms of a page: {"action", "method", "fields": {name: value; None = not sent}}."""
    parser = _Forms()
    parser.feed(html)
    return parser.forms


def fill(html: str, data: dict[str, Any], page: str, action: str | None) -> tuple[str, dict[str, Any]]:
    """The address and the fields of the wanted POST form of `page`, filled with `data`. Raises AssertionError."""
    for form in forms_of(html):
        where = urlsplit(urljoin(page, form["action"] or page))
        right = where.path == action if action else set(data) <= set(form["fields"])
        if form["method"] == "post" and right:
            sent = {name: value for name, value in form["fields"].items() if value is not None}
            return where.path + (f"?{where.query}" if where.query else ""), {**sent, **data}
    raise AssertionError(f"{page} has no POST form for {action or sorted(data)}")
