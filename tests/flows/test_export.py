"""The export flow: ordered on a page, watched by the poller, announced by mail, fetched by its owner only."""

from __future__ import annotations

import re

from tests.factories import a_post, a_user


def states(browser) -> list[str]:
    told = browser.get("/notifications").get_json()
    return [one["data"]["state"] for one in told if one["name"] == "task_progress"]


def test_export_is_requested_run_and_downloaded_by_its_owner_only(as_, run_jobs, mails):
    ana = as_("ana")
    for number in range(3):
        a_post(ana.user, f"post {number}")
    a_post(a_user("ben"), "somebody else's")
    assert ana.post_form("/export_posts").status_code == 303
    assert states(ana) == ["queued"]
    run_jobs()
    assert states(ana) == ["done"]
    run_jobs(advance=60)
    (mail,) = mails.to("ana@example.org")
    assert "http://microblog.test/tasks" in mail.text

    page = ana.get("/tasks").text
    address = re.search(r'href="(/tasks/[^"]+/download)"', page).group(1)
    file = ana.get(address)
    assert "attachment" in file.headers["Content-Disposition"]
    assert [post["body"] for post in file.get_json()["posts"]] == ["post 0", "post 1", "post 2"]
    assert as_("ben").get(address).status_code == 404
    assert as_("cleo").get(address).status_code == 404
    assert ana.application.test_client().get(address).status_code == 302
