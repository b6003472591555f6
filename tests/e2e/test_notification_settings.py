"""How a person is told, by keyboard and by ear: every control says what it is, at every width."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from app.notifications.kinds import configurable_kinds
from tests.e2e.conftest import Person

pytestmark = pytest.mark.e2e
PAGE = "/notification_settings"


@pytest.mark.parametrize("width", [390, 1280])
def test_grid_controls_are_named_by_row_and_column(person: Callable[..., Person], width: int) -> None:
    person(f"first{width}")  # the first of a site is its admin, and told of reports, too
    page = person(f"grid{width}", viewport={"width": width, "height": 900}).tab(PAGE)
    grid = page.get_by_role("table", name="Notify me about")
    expect(grid.get_by_role("rowheader")).to_have_count(len(configurable_kinds("member")))
    expect(grid.get_by_role("columnheader")).to_have_count(5)
    badge = grid.get_by_role("switch", name="Mentions Badge")
    expect(badge).to_be_checked()
    badge.uncheck()
    grid.get_by_role("combobox", name="New followers Email").select_option(label="Weekly digest")
    page.get_by_role("group", name="Accounts less than a week old").get_by_role("radio", name="Filter").check()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Changes saved.")).to_be_visible()
    expect(grid.get_by_role("switch", name="Mentions Badge")).not_to_be_checked()
    expect(grid.get_by_role("combobox", name="New followers Email")).to_have_value("weekly")
    new_accounts = page.get_by_role("group", name="Accounts less than a week old")
    expect(new_accounts.get_by_role("radio", name="Filter")).to_be_checked()


def test_quiet_hours_and_pause_work_with_the_keyboard(person: Callable[..., Person]) -> None:
    page = person("keys").tab(PAGE)
    expect(page.get_by_label("Start time", exact=True)).to_be_hidden()
    page.get_by_role("switch", name="Quiet hours").focus()
    page.keyboard.press("Space")
    page.keyboard.press("Tab")
    expect(page.get_by_label("Start time", exact=True)).to_be_focused()
    page.get_by_role("group", name="People I don't follow").get_by_role("radio", name="Accept").focus()
    page.keyboard.press("ArrowRight")
    held = page.locator(".segmented-control label", has_text="Filter").first
    expect(held).to_have_css("outline-style", "solid")  # the focus is seen, though the radio button is not
    page.keyboard.press("Enter")
    expect(page.get_by_text("Changes saved.")).to_be_visible()
    expect(page.get_by_label("Start time", exact=True)).to_have_value("22:00")
    page.get_by_role("button", name="Pause for 2 hours").press("Enter")
    expect(page.get_by_role("region", name="Right now").get_by_text("Paused until").first).to_be_visible()
    page.get_by_role("button", name="Resume").press("Enter")
    expect(page.get_by_role("button", name="Pause for 2 hours")).to_be_visible()
