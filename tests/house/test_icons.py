"""The icons that pages use are in the sprite, and no others."""

from __future__ import annotations

import re

from app.config import ROOT
from app.web.icons import DIRECTED, ICONS


def test_icon_list_contains_only_used_icons() -> None:
    files = [*(ROOT / "app/templates").rglob("*.html"), *(ROOT / "app/static/js").rglob("*.js")]
    words = set(re.findall(r"""["']([a-z0-9-]+)["']""", "".join(file.read_text() for file in files)))
    unused = {name for name in ICONS if name not in words and name.removesuffix("-fill") not in words}
    assert not unused, f"not used: {sorted(unused)}"
    assert DIRECTED <= ICONS


def test_every_icon_named_in_a_template_is_in_the_list() -> None:
    text = "".join(file.read_text() for file in (ROOT / "app/templates").rglob("*.html"))
    named = set(re.findall(r'\b(?:icon|empty)\("([a-z0-9-]+)"[,)]', text))
    assert len(named) > 20
    assert named <= ICONS, f"missing in app/web/icons.py: {sorted(named - ICONS)}"
