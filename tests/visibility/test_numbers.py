"""A number that no row can have finds nothing and breaks nothing: on every address that takes one."""

from __future__ import annotations

import re

import pytest

from tests.visibility.walker import all_fields


@pytest.mark.parametrize("number", [2**31, 2**63, 10**30], ids=["32 bits", "64 bits", "more"])
def test_oversized_ids_are_not_found(app, as_, number):
    walker = as_("walker")
    fields = {"csrf_token": walker.csrf_token(), **all_fields()}
    wrong = {}
    for method, path in addresses(app, number):
        answer = walker.get(path) if method == "GET" else walker.post(path, data=fields)
        if answer.status_code not in {404, 405}:
            wrong[f"{method} {path}"] = answer.status
    assert wrong == {}


def addresses(app, number: int) -> list[tuple[str, str]]:
    """Every address that takes numbers, with that one in the place of each."""
    found = []
    for rule in app.url_map.iter_rules():
        path = re.sub(r"<[^>]*>", lambda one: str(number) if one[0].startswith("<int") else "nobodys", rule.rule)
        if str(number) in path:
            found += [(method, path) for method in sorted({"GET", "POST"} & (rule.methods or set()))]
    return found
