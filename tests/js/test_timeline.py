"""A timeline that lies open: it says that there is more, and shows it when its reader wants."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from .conftest import hide, until
from .fake_site import Answer, Asked, FakeSite, as_json, note

pytestmark = pytest.mark.e2e
OpenTab = Callable[..., Page]


class Timeline:
    """The home page of the fake site, its posts, and what they are asked for."""

    def __init__(self, site: FakeSite, newest: int = 3) -> None:
        self.site = site
        self.posts = list(range(newest, 0, -1))
        self.size = 10
        site.routes["/timeline/news"] = self.news
        site.routes["/"] = lambda asked: Answer(site.page(self.html()))

    def html(self) -> str:
        """Render the page's timeline."""
        shown = self.posts[: self.size]
        posts = "".join(f'<article class="post" id="post-{post}"><p>Post {post}</p></article>' for post in shown)
        more = '<a class="load-more" rel="next" href="/?before=1">Older</a>' if len(self.posts) > self.size else ""
        newest = shown[0] if shown else 0
        return (
            f'<div data-timeline="/" data-newest="{newest}" data-news-url="/timeline/news">'
            f"<form><textarea></textarea></form><div data-news></div>{posts}{more}</div>"
        )

    def news(self, asked: Asked) -> Answer:
        """Count what is newer."""
        count = sum(post > int(asked.query["after"]) for post in self.posts)
        return as_json({"count": min(count, 50), "more": count > 50})

    def asked(self) -> int:
        """How often the server was asked for the number."""
        return sum(asked.path == "/timeline/news" for asked in self.site.asked)

    def publish(self, *posts: int) -> None:
        """Add posts and tell the poller of the newest."""
        self.posts = sorted({*posts, *self.posts}, reverse=True)
        self.tell(max(posts))

    def tell(self, newest: int, at: float | None = None) -> None:
        """Tell the poller."""
        self.site.notifications = [note("timeline", {"newest_post_id": newest}, at or 200.0 + newest)]


@pytest.fixture
def timeline(site: FakeSite) -> Timeline:
    """Three posts."""
    return Timeline(site)


def texts(page: Page) -> list[str]:
    """The posts on the page."""
    return page.locator("article").all_inner_texts()


def test_new_posts_are_offered_and_inserted_at_the_top(timeline: Timeline, open_tab: OpenTab) -> None:
    page = open_tab()
    page.evaluate(
        """() => {
            window.said = [];
            const live = document.getElementById("live");
            new MutationObserver(() => said.push(live.textContent)).observe(live, { childList: true });
        }"""
    )
    timeline.publish(4, 5)
    button = page.locator("[data-news] button")
    expect(button).to_have_text("Show 2 new posts")
    assert texts(page) == ["Post 3", "Post 2", "Post 1"]
    timeline.publish(6)
    expect(button).to_have_text("Show 3 new posts")
    assert page.evaluate("said") == ["2 new posts"]  # once
    button.click()
    expect(page.locator("#post-6")).to_be_focused()
    assert texts(page) == [f"Post {number}" for number in (6, 5, 4, 3, 2, 1)]
    assert page.locator(".first-read").get_attribute("id") == "post-3"
    assert page.locator(".is-new").count() == 3
    expect(button).to_have_count(0)
    timeline.publish(7)
    expect(button).to_have_text("Show 1 new post")
    button.click()
    expect(page.locator("#post-7")).to_be_focused()
    assert page.locator(".first-read").get_attribute("id") == "post-6"
    assert page.locator(".is-new").count() == 1


def test_unfinished_post_is_kept_when_new_posts_are_shown(timeline: Timeline, open_tab: OpenTab) -> None:
    page = open_tab()
    page.locator("textarea").fill("half a thought")
    timeline.publish(4)
    expect(page.locator("[data-news] button")).to_be_attached()
    expect(page.locator("textarea")).to_be_focused()
    page.locator("[data-news] button").click()
    expect(page.locator("#post-4")).to_be_focused()
    expect(page.locator("textarea")).to_have_value("half a thought")


def test_posts_already_on_the_page_are_not_offered(timeline: Timeline, open_tab: OpenTab) -> None:
    page = open_tab()
    timeline.tell(3)
    page.wait_for_timeout(1800)
    assert timeline.asked() == 0


def test_deleted_posts_are_not_offered(timeline: Timeline, open_tab: OpenTab) -> None:
    page = open_tab()
    timeline.tell(4)
    until(timeline.asked, page)
    page.wait_for_timeout(300)
    expect(page.locator("[data-news] button")).to_have_count(0)
    timeline.publish(5)
    expect(page.locator("[data-news] button")).to_have_text("Show 1 new post")
    timeline.posts.remove(5)
    page.locator("[data-news] button").click()
    expect(page.locator("#live")).to_have_text("The new posts were deleted.")
    expect(page.locator("[data-news] button")).to_have_count(0)
    timeline.publish(6)
    expect(page.locator("[data-news] button")).to_have_text("Show 1 new post")


def test_more_new_posts_than_a_page_reload_the_page(timeline: Timeline, open_tab: OpenTab) -> None:
    page = open_tab()
    timeline.publish(*range(4, 70))
    expect(page.locator("[data-news] button")).to_have_text("Show 50+ new posts")
    page.evaluate("window.isOld = true")
    page.locator("[data-news] button").click()
    expect(page.locator("#post-69")).to_be_visible()
    until(lambda: not page.evaluate("window.isOld"), page)
    assert len(texts(page)) == 10


def test_first_posts_of_an_empty_timeline_reload_the_page(timeline: Timeline, open_tab: OpenTab) -> None:
    timeline.posts = []
    page = open_tab()
    timeline.publish(1)
    page.evaluate("window.isOld = true")
    page.locator("[data-news] button").click()
    expect(page.locator("#post-1")).to_be_visible()
    until(lambda: not page.evaluate("window.isOld"), page)


def test_post_published_while_others_are_loading_is_offered(timeline: Timeline, open_tab: OpenTab) -> None:
    page = open_tab()
    timeline.publish(4)
    button = page.locator("[data-news] button")
    expect(button).to_have_text("Show 1 new post")
    old = timeline.html()

    def slow_copy(asked: Asked) -> Answer:
        page_of_now = timeline.site.page(old)
        timeline.publish(5)
        until_polls = len(timeline.site.polls()) + 2
        while len(timeline.site.polls()) < until_polls:
            pass
        return Answer(page_of_now)

    timeline.site.routes["/"] = slow_copy
    button.click()
    expect(page.locator("#post-4")).to_be_focused()
    expect(page.locator("[data-news] button")).to_have_text("Show 1 new post")


def test_hidden_page_checks_for_posts_when_it_is_shown(timeline: Timeline, open_tab: OpenTab) -> None:
    hidden, shown = open_tab(), open_tab()
    hidden.wait_for_timeout(500)
    hide(hidden)
    timeline.publish(4)
    expect(shown.locator("[data-news] button")).to_have_text("Show 1 new post")
    assert timeline.asked() == 1
    hide(hidden, False)
    expect(hidden.locator("[data-news] button")).to_have_text("Show 1 new post")


def test_failed_loading_keeps_the_page_and_can_be_retried(
    timeline: Timeline, open_tab: OpenTab, context: BrowserContext
) -> None:
    page = open_tab()
    timeline.publish(4)
    button = page.locator("[data-news] button")
    expect(button).to_have_text("Show 1 new post")
    context.set_offline(True)
    button.click()
    expect(button).to_have_text("Couldn't load posts. Try again.")
    assert texts(page) == ["Post 3", "Post 2", "Post 1"]
    context.set_offline(False)
    button.click()
    expect(page.locator("#post-4")).to_be_focused()
