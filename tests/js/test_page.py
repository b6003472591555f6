"""Badges, time, theme, strings, hover cards, translation and tasks, as a reader meets them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from babel.localedata import locale_identifiers
from playwright.sync_api import BrowserContext, Page, expect

from app.catalogs.plurals import PluralRule, of_language
from app.web.asset_build import build

from .fake_site import Answer, FakeSite, as_json, note

pytestmark = pytest.mark.e2e
OpenTab = Callable[..., Page]
BADGE = (
    '<span data-badge="unread_message_count" data-count="{n}" {hidden}>'
    '<span data-badge-number aria-hidden="true">{n}</span> <span data-badge-label>{n} unread messages</span></span>'
)
SPANISH = {
    "locale": "es",
    "plural": "n != 1",
    "messages": {
        "%(num)s unread message": ["%(num)s mensaje sin leer", "%(num)s mensajes sin leer"],
        "Offline. Reconnecting…": "Sin conexión. Reconectando…",
    },
}


def badge(number: int) -> str:
    """Render the badge as the layout does."""
    return BADGE.format(n=number, hidden="" if number else "hidden")


def test_badge_title_icon_and_live_region_show_the_count(site: FakeSite, open_tab: OpenTab) -> None:
    site.content = badge(0)
    page = open_tab()
    page.evaluate(
        """() => {
            window.said = [];
            new MutationObserver(() => window.said.push(document.getElementById("live").textContent))
                .observe(document.getElementById("live"), { childList: true, characterData: true, subtree: true });
        }"""
    )
    site.notifications = [note("unread_message_count", 3, 200.0)]
    expect(page).to_have_title("(3) Home")
    expect(page.locator("[data-badge]")).to_have_text("3 3 unread messages")
    assert page.locator("link[rel=icon]").get_attribute("href").startswith("data:image/png")  # type: ignore[union-attr]
    page.wait_for_timeout(2500)  # further polls say nothing
    assert page.evaluate("said") == ["3 unread messages"]
    site.notifications = [note("unread_message_count", 120, 300.0)]
    expect(page).to_have_title("(99+) Home")
    expect(page.locator("[data-badge]")).to_have_text("99+ 120 unread messages")
    site.notifications = [note("unread_message_count", 0, 400.0)]
    expect(page).to_have_title("Home")
    expect(page.locator("[data-badge]")).to_be_hidden()
    assert page.locator("link[rel=icon]").get_attribute("href") == "/favicon.svg"


def test_two_counts_are_announced_in_one_sentence_and_added_up(
    site: FakeSite, open_tab: OpenTab, context: BrowserContext
) -> None:
    context.add_init_script(
        """window.onApp = [];
        Navigator.prototype.setAppBadge = async (number) => void onApp.push(number);
        Navigator.prototype.clearAppBadge = async () => void onApp.push(0);"""
    )
    site.content = badge(0) + badge(1).replace("message", "activity")
    page = open_tab()
    expect(page).to_have_title("(1) Home")
    site.notifications = [note("unread_message_count", 2, 200.0), note("unread_activity_count", 3, 200.1)]
    expect(page).to_have_title("(5) Home")
    expect(page.locator("#live")).to_have_text("2 unread messages and 3 unread in Activity")
    expect(page.locator("[data-badge=unread_activity_count] [data-badge-label]")).to_have_text("3 unread in Activity")
    site.notifications = [note("unread_activity_count", 4, 250.0)]
    expect(page.locator("#live")).to_have_text("4 unread in Activity")
    site.notifications = [note("unread_message_count", 0, 300.0), note("unread_activity_count", 0, 300.1)]
    expect(page).to_have_title("Home")
    assert page.evaluate("[onApp[0], onApp.at(-1), onApp.includes(5)]") == [0, 0, True]


def test_app_badge_is_cleared_for_a_visitor(site: FakeSite, open_tab: OpenTab, context: BrowserContext) -> None:
    context.add_init_script("Navigator.prototype.clearAppBadge = async () => { window.cleared = true; };")
    site.body_attributes |= {"data-poll-url": "", "data-user-id": ""}
    assert open_tab().evaluate("window.cleared")


def test_count_rendered_by_the_server_is_not_announced(site: FakeSite, open_tab: OpenTab) -> None:
    site.content = badge(2)
    site.notifications = [note("unread_message_count", 2, 200.0)]
    page = open_tab()
    expect(page).to_have_title("(2) Home")
    page.wait_for_timeout(1500)
    assert page.locator("#live").inner_text() == ""


def test_scripts_use_the_readers_language(site: FakeSite, open_tab: OpenTab) -> None:
    site.lang = "es"
    site.body_attributes["data-strings-url"] = "/strings/es.json"
    site.routes["/strings/es.json"] = lambda asked: as_json(SPANISH)
    site.content = badge(0)
    page = open_tab()
    site.notifications = [note("unread_message_count", 1, 200.0)]
    expect(page.locator("#live")).to_have_text("1 mensaje sin leer")
    plurals = page.evaluate(
        "[0, 1, 2, 1000000].map(n => Microblog.i18n.ngettext('%(num)s unread message', '%(num)s unread messages', n))"
    )
    assert plurals == [
        "0 mensajes sin leer",
        "1 mensaje sin leer",
        "2 mensajes sin leer",
        "1000000 mensajes sin leer",
    ]
    assert page.evaluate("Microblog.i18n.gettext('Not in the catalog %(a)s', {a: 1})") == "Not in the catalog 1"
    plural_by_mistake = page.evaluate("Microblog.i18n.gettext('%(num)s unread message', {num: 1})")
    assert plural_by_mistake == "1 mensaje sin leer"


def test_missing_catalog_falls_back_to_english(site: FakeSite, open_tab: OpenTab) -> None:
    site.body_attributes["data-strings-url"] = "/strings/none.json"
    site.content = badge(0)
    page = open_tab()
    site.notifications = [note("unread_message_count", 1, 200.0)]
    expect(page.locator("#live")).to_have_text("1 unread message")


def test_relative_times_are_refreshed(site: FakeSite, open_tab: OpenTab) -> None:
    now = datetime.now(UTC)
    moments = [now - timedelta(minutes=5), now - timedelta(hours=23), now - timedelta(days=9), now]
    site.content = "".join(
        f'<time data-relative="narrow" datetime="{moment.isoformat()}">server</time>' for moment in moments
    )
    page = open_tab()
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    assert page.locator("time").all_inner_texts() == ["5m", "1d", "1w", "server"]


def test_digits_match_those_of_the_server(site: FakeSite, open_tab: OpenTab) -> None:
    site.lang = "fa"
    moment = datetime.now(UTC) - timedelta(minutes=5)
    site.content = f'<time data-relative="long" datetime="{moment.isoformat()}">server</time>' + badge(0)
    page = open_tab()
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    assert page.locator("time").inner_text() == "5 دقیقه پیش"


def test_unsupported_language_keeps_the_server_text(site: FakeSite, open_tab: OpenTab) -> None:
    site.lang = "tlh"
    site.content = '<time data-relative="narrow" datetime="2020-01-01T00:00:00+00:00">ben ret</time>'
    page = open_tab()
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    assert page.locator("time").inner_text() == "ben ret"


def test_auto_theme_follows_the_system(site: FakeSite, open_tab: OpenTab) -> None:
    site.routes["/app.css"] = lambda asked: Answer(build()["css/app.css"].decode(), type="text/css")
    site.content = '<link rel="stylesheet" href="/app.css"><select class="form-select"></select>'
    page = open_tab()
    look = """() => [document.body, document.querySelector('select')].map((element) => {
        const { backgroundColor, backgroundImage } = getComputedStyle(element);
        return backgroundColor + backgroundImage; })"""
    seen = []
    for scheme in ("dark", "light"):
        page.emulate_media(color_scheme=scheme)
        seen.append(page.evaluate(look))
    (dark_page, dark_arrow), (light_page, light_arrow) = seen
    assert "rgb(23, 19, 16)" in dark_page
    assert "rgb(251, 248, 244)" in light_page
    assert "%23dee2e6" in dark_arrow
    assert "%23343a40" in light_arrow


def test_hover_card_opens_by_mouse_and_keyboard_and_escape_closes(site: FakeSite, open_tab: OpenTab) -> None:
    site.content = '<p>text</p><a href="/user/ben" data-popup-url="/user/ben/popup">Ben</a>'
    site.routes["/user/ben/popup"] = lambda asked: Answer('<b>Ben K</b><img src="x" onerror="window.pwned = 1">')
    page = open_tab()
    page.hover("a")
    expect(page.locator(".hovercard")).to_contain_text("Ben K")
    described = page.locator("a").get_attribute("aria-describedby")
    assert described is not None
    assert page.locator(f"#{described}").count() == 1
    page.hover(".hovercard b")
    page.wait_for_timeout(600)
    expect(page.locator(".hovercard")).to_have_count(1)
    page.hover("p")
    expect(page.locator(".hovercard")).to_have_count(0)
    page.keyboard.press("Tab")
    expect(page.locator(".hovercard")).to_have_count(1)
    page.keyboard.press("Escape")
    expect(page.locator(".hovercard")).to_have_count(0)
    assert len([asked for asked in site.asked if asked.path == "/user/ben/popup"]) == 1
    assert page.evaluate("window.pwned") is None


def test_translation_can_be_opened_and_closed_and_shows_errors(site: FakeSite, open_tab: OpenTab) -> None:
    post = (
        '<article><div data-post-text lang="fr">Bonjour</div>'
        '<button data-translate-url="{}">Translate</button></article>'
    )
    site.content = post.format("/post/1/translate") + post.format("/post/2/translate")
    site.routes["/post/1/translate"] = lambda asked: as_json({"text": "Hello <b>", "language": "en"})
    site.routes["/post/2/translate"] = lambda asked: as_json({"error": "The service is asleep."}, 503)
    page = open_tab()
    first, second = page.locator("button").all()
    first.click()
    expect(page.locator(".translation")).to_have_text("Hello <b>")
    assert page.locator(".translation").get_attribute("lang") == "en"
    expect(first).to_have_text("Hide translation")
    first.click()
    expect(page.locator(".translation")).to_be_hidden()
    first.click()
    expect(page.locator(".translation")).to_be_visible()
    second.click()
    expect(page.locator(".translation-error")).to_have_text("The service is asleep.")
    posts = [asked for asked in site.asked if asked.method == "POST"]
    assert [asked.path for asked in posts] == ["/post/1/translate", "/post/2/translate"]
    assert posts[0].headers["X-CSRFToken"] == "token-1"


def test_task_progress_is_updated_and_the_download_link_appears(site: FakeSite, open_tab: OpenTab) -> None:
    row = (
        '<li data-task-id="t1" data-task-status="{}"><span data-task-state>{}</span>'
        '<progress data-task-progress value="{}" max="100"></progress>{}</li>'
    )
    site.content = row.format("queued", "Waiting", 0, "")
    page = open_tab()
    task = {"task_id": "t1", "progress": 40, "state": "running"}
    site.notifications = [note("task_progress", task, 200.0)]
    expect(page.locator("[data-task-state]")).to_have_text("Running: 40%")
    assert page.locator("progress").evaluate("bar => bar.value") == 40
    site.content = row.format("done", "Done", 100, '<a href="/tasks/t1/download">Download</a>')
    site.notifications = [note("task_progress", task | {"progress": 100, "state": "done"}, 300.0)]
    expect(page.get_by_role("link", name="Download")).to_be_visible()
    expect(page.locator("#live")).to_have_text("Done")


def test_form_is_submitted_once(site: FakeSite, open_tab: OpenTab) -> None:
    site.content = '<form method="post" action="/follow/ben"><button>Follow</button></form>'
    site.routes["/follow/ben"] = lambda asked: Answer("", 204)  # the browser stays on the page
    page = open_tab()
    click = "() => document.querySelector('button').click()"
    for _ in range(3):
        page.evaluate(click)
        page.wait_for_timeout(200)
    assert [asked.path for asked in site.asked if asked.method == "POST"] == ["/follow/ben"]
    expect(page.get_by_role("button")).to_have_attribute("aria-disabled", "true")


def test_menu_closes_on_escape_and_on_an_outside_click(site: FakeSite, open_tab: OpenTab) -> None:
    site.content = '<details class="menu"><summary>Your post</summary><button>Delete</button></details><p>elsewhere</p>'
    page = open_tab()
    menu = page.locator("details")
    page.locator("summary").click()
    page.get_by_role("button", name="Delete").focus()
    page.keyboard.press("Escape")
    expect(menu).not_to_have_attribute("open", "")
    assert page.evaluate("document.activeElement.tagName") == "SUMMARY"
    page.locator("summary").click()
    expect(menu).to_have_attribute("open", "")
    page.get_by_text("elsewhere").click()
    expect(menu).not_to_have_attribute("open", "")


def test_first_invalid_field_is_focused(site: FakeSite, open_tab: OpenTab) -> None:
    site.content = '<main><input name="good"><input name="bad" aria-invalid="true"></main>'
    page = open_tab()
    expect(page.locator("[name=bad]")).to_be_focused()


def test_browser_and_server_plural_rules_agree_for_every_language(site: FakeSite, open_tab: OpenTab) -> None:
    """The rule that a catalog of each language begins with, and those that other tools write."""
    rules = {of_language(code) for code in locale_identifiers()} | {
        PluralRule(3, "(n==0||n==1) ? 0 : (n!=0 && n%1000000==0) ? 1 : 2"),  # French and Spanish of Weblate
        PluralRule(3, "n%10==1 && n%100!=11 ? 0 : n != 0 ? 1 : 2"),  # Latvian of gettext
        PluralRule(4, "(n==1) ? 0 : (n==2) ? 1 : (n != 8 && n != 11) ? 2 : 3"),  # Welsh
        PluralRule(2, "!(n==1) && 7-n/2*3 <= n+1"),
    }
    numbers = [*range(1001), 1_000_000, 1_000_001, 2_000_000]
    site.content = ""
    counted = open_tab().evaluate(
        "([rules, numbers]) => rules.map((rule) => numbers.map(Microblog.pluralRule(rule)))",
        [[rule.expression for rule in rules], numbers],
    )
    for rule, forms in zip(rules, counted, strict=True):
        assert forms == [rule.index(number) for number in numbers], rule


def test_note_can_be_closed_with_the_keyboard_and_focus_stays_near(site: FakeSite, open_tab: OpenTab) -> None:
    close = '<button type="button" data-close-note aria-label="Close">x</button>'
    notes = "".join(f'<div class="alert" role="status"><span>{name}</span>{close}</div>' for name in ("one", "two"))
    site.content = f'<div id="main" tabindex="-1">{notes}</div>'
    page = open_tab()
    buttons = page.locator("[data-close-note]")
    buttons.first.focus()
    page.keyboard.press("Enter")
    expect(page.locator(".alert")).to_have_text(["twox"])
    expect(buttons).to_be_focused()
    page.keyboard.press("Space")
    expect(page.locator(".alert")).to_have_count(0)
    assert page.evaluate("document.activeElement.id") == "main"
