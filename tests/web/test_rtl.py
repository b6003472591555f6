"""Bootstrap mirrored: each kind of declaration, and the whole file."""

from __future__ import annotations

import re

import pytest

from app.web.asset_build import BOOTSTRAP
from app.web.rtl import mirrored


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("margin-left:1rem", "margin-right:1rem"),
        ("left:0!important", "right:0!important"),
        ("border-top-left-radius:4px", "border-top-right-radius:4px"),
        ("text-align:right", "text-align:left"),
        ("float:left!important", "float:right!important"),
        ("padding:1px 2px 3px 4px", "padding:1px 4px 3px 2px"),
        ("padding:0 calc(1px + 2px) 0 4px!important", "padding:0 4px 0 calc(1px + 2px)!important"),
        ("margin:1px 2px", "margin:1px 2px"),
        ("border-radius:1px 2px 3px 4px", "border-radius:2px 1px 4px 3px"),
        ("transform:translateX(100%)", "transform:translateX(-100%)"),
        ("transform:translate(-50%,-50%)!important", "transform:translate(50%,-50%)!important"),
        ("transform:translate3d(0,1px,0)", "transform:translate3d(0,1px,0)"),
        ("background-position:right .75rem center", "background-position:left .75rem center"),
        ("--bs-left:left", "--bs-left:left"),
        ('background:url("data:image/svg+xml;left,right")', 'background:url("data:image/svg+xml;left,right")'),
        ("content:'left;right'", "content:'left;right'"),
        ("color:bright", "color:bright"),
    ],
)
def test_css_declaration_is_mirrored(before: str, after: str) -> None:
    assert mirrored(f".a{{{before}}}") == f".a{{{after}}}"


def test_rules_within_a_media_query_are_mirrored() -> None:
    assert mirrored("@media (min-width:1px){.a{left:0}.b{top:0}}") == "@media (min-width:1px){.a{right:0}.b{top:0}}"


def test_popper_placement_rules_are_not_mirrored() -> None:
    rule = ".bs-popover-auto[data-popper-placement^=right]>.popover-arrow{left:0}"
    assert mirrored(rule) == rule


def test_mirroring_twice_gives_the_original() -> None:
    css = ".a{margin:1px 2px 3px 4px;left:0;transform:translateX(-10px);border-radius:1px 2px 3px 4px}"
    assert mirrored(mirrored(css)) == css


def rules(css: str) -> list[tuple[str, str]]:
    return re.findall(r"([^{}]+)\{([^{}]*)\}", css)


def test_bootstrap_keeps_its_rules_and_changes_only_directional_ones() -> None:
    """The numbers are those of Bootstrap 5.3.8; against its own right-to-left file 7 rules differ, in ornaments."""
    source = (BOOTSTRAP / "css/bootstrap.min.css").read_text()
    before, after = rules(source), rules(mirrored(source))
    assert [selector for selector, _ in before] == [selector for selector, _ in after]
    assert len(after) == 2556
    changed = {selector for (selector, old), (_, new) in zip(before, after, strict=True) if old != new}
    assert ".ms-auto" in changed
    assert ".form-select" in changed
    assert not any("popper-placement" in selector for selector in changed)
