"""Icons: `icon("pencil")` in a template renders a Bootstrap icon from this site's sprite."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from flask import Flask, g, has_request_context
from markupsafe import Markup

SPRITE = "img/icons.svg"
# The icons that pages use, out of two thousand in Bootstrap Icons. tests/house/test_icons.py checks the list.
ICONS = frozenset(
    """
    arrow-counterclockwise bar-chart bell bell-fill bell-slash bell-slash-fill bookmark bookmark-fill box-arrow-right
    calendar-event chat
    chat-heart check-circle-fill check2 check2-all check2-circle chevron-left clipboard-check clipboard-check-fill
    compass compass-fill cup-hot dot download envelope envelope-check envelope-fill exclamation-circle-fill
    exclamation-octagon-fill exclamation-triangle exclamation-triangle-fill eye eye-slash feather flag flag-fill
    funnel gear gear-fill gear-wide-connected globe2 hand-index heart heart-fill hourglass house house-fill image
    inbox info-circle info-circle-fill journal laptop moon-stars patch-check-fill pause-circle pause-fill pencil
    pencil-square people people-fill person person-check person-fill person-gear person-x phone pin-angle
    pin-angle-fill play-fill question-circle quote repeat search send-fill shield-lock slash-circle sliders three-dots
    translate trash x-circle-fill x-lg
    """.split()  # noqa: SIM905 (a list of words is easier to read)
)
DIRECTED = frozenset({"box-arrow-right", "chevron-left", "send-fill"})  # mirrored on right-to-left pages


def init_app(app: Flask, asset: Callable[[str], str]) -> None:
    """Add the template function `icon(name)`. `asset` is a function that returns the URL path of a static file."""

    def sprite() -> str:
        if not has_request_context():
            return asset(SPRITE)
        if "icon_sprite" not in g:
            g.icon_sprite = asset(SPRITE)
        address: str = g.icon_sprite
        return address

    @app.template_global()
    def icon(name: str) -> Markup:
        """Return an SVG icon of the text's size, hidden from screen readers. Raise KeyError for an unknown name."""
        return _drawing(name, sprite())


@lru_cache(maxsize=4 * len(ICONS))
def _drawing(name: str, sprite: str) -> Markup:
    if name not in ICONS:
        raise KeyError(f"no such icon: {name}; app/web/icons.py lists them")
    kind = "bi is-directed" if name in DIRECTED else "bi"
    drawing = '<svg class="{}" aria-hidden="true"><use href="{}#{}"></use></svg>'
    return Markup(drawing).format(kind, sprite, name)  # noqa: S704 - format() escapes
