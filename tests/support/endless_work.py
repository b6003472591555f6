"""Work that never ends: people who come, order an export, and write to whoever came before them."""

from __future__ import annotations

import itertools
import threading
from typing import Self

from sqlalchemy import text

from tests.support.poller import tasks
from tests.support.processes import Stack, Visitor

POSTS = 1_500  # for each, so that an export takes a moment

_numbers = itertools.count(1)


class Stream:
    """`with closing(Stream(stack)) as stream:` makes it, and people come during an inner `with stream:`.

    Afterwards `stream.people` says who came.
    """

    def __init__(self, stack: Stack) -> None:
        self.people: dict[str, Visitor] = {}
        self._stack = stack
        self._engine = stack.engine()
        self._enough = threading.Event()
        self._failed: Exception | None = None
        self._thread = threading.Thread(target=self._run, name="stream")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._enough.set()
        self._thread.join(30)
        self._engine.dispose()
        if self._failed is not None:
            raise self._failed

    def unlike_once(self) -> dict[tuple[str, str], object]:
        """What they ordered and did not get exactly once, when all jobs are done. Copies of one mail are one."""
        wrong: dict[tuple[str, str], object] = {}
        *written_to, _last = self.people
        for link, people in (("/auth/confirm", self.people), ("/tasks", self.people), ("/messages/", written_to)):
            for name in people:
                mails = self._stack.mails.to(f"{name}@example.org")
                found = {mail.message_id for mail in mails if link in mail.text}
                if len(found) != 1:
                    wrong[name, link] = found
        for name, visitor in self.people.items():
            states = tasks(visitor)
            if [(state["state"], state["progress"]) for state in states] != [("done", 100)]:
                wrong[name, "export"] = states
            elif len(visitor.get(f"/tasks/{states[0]['task_id']}/download").json()["posts"]) != POSTS:
                wrong[name, "file"] = states
        return wrong

    def close(self) -> None:
        """Let go of their connections."""
        for visitor in self.people.values():
            visitor.close()

    def _run(self) -> None:
        before = ""
        try:
            while not self._enough.is_set():
                before = self._one_more(before)
        except Exception as error:
            self._failed = error

    def _one_more(self, before: str) -> str:
        name = f"guest{next(_numbers)}"
        visitor = self.people[name] = self._stack.person(name)
        self._let_have_posted(name)
        assert visitor.post_form("/export_posts").status_code in {302, 303}
        if before:
            self._stack.acquaint(name, before)
            assert visitor.post_form(f"/send_message/{before}", {"message": "you came before me"}).status_code == 303
        return name

    def _let_have_posted(self, name: str) -> None:
        with self._engine.begin() as connection:
            connection.execute(
                text(
                    "INSERT INTO post (author_id, body, language, created_at, search_text)"
                    " SELECT id, :body, '', CURRENT_TIMESTAMP, '' FROM \"user\" WHERE username = :name"
                ),
                [{"name": name, "body": f"post {number}"} for number in range(POSTS)],
            )
