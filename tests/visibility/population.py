"""What ana and ben have written to each other, and what nobody else may ever see of it.

Every secret is one word that is in no page of its own accord. What is written holds the word `KEY` besides: a search
for that is a search for all of them, and its answer need not repeat a secret.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any

from PIL import Image
from sqlalchemy import select

from app.core.images import storage
from app.extensions import db
from app.models import Conversation, Message, MessageImage, Post, UserList
from tests.factories import a_follow, acquainted
from tests.support.client import Browser
from tests.visibility.walker import KEY

# What it is, and the word.
SECRETS = {
    "message": "kestrel",
    "picture's words": "albatross",
    "before the edit": "petrel",
    "after the edit": "shearwater",
    "taken back": "fulmar",
    "deleted for both": "gannet",
    "deleted by ana for herself": "guillemot",
    "draft": "cormorant",
    "answer": "puffin",
    "request": "turnstone",
    "group's name": "Ternery",
    "early in the group": "plover",
    "late in the group": "dunlin",
    "note of the report": "heronry",
    "reported post": "wheatear",
    "list of people": "bittern",
}
TOKEN = re.compile(rb"[\w.-]{40,}")  # of a form, or in a cookie
PICTURE = "picture"  # its bytes, and its thumbnail's
ANAS = frozenset(
    {"message", "picture's words", "after the edit", "draft", "answer", "request", "list of people", PICTURE}
)
ANAS |= {"group's name", "early in the group", "late in the group"}
BENS = (ANAS - {"draft", "request", "list of people"}) | {
    "deleted by ana for herself",
    "note of the report",
    "reported post",
}
EARLY = frozenset({"group's name", "early in the group"})
LATE = frozenset({"group's name", "late in the group"})
# What was deleted for both is sealed: not even ben, who read it and reported it, is shown it.
REPORTED = frozenset({"message", "picture's words", PICTURE, "note of the report", "deleted for both", "reported post"})


@dataclass
class Town:
    """The browsers of those who have something to hide."""

    ana: Browser
    ben: Browser
    cleo: Browser  # is in the group, too
    group: int = 0
    pair: int = 0
    pictures: list[bytes] = field(default_factory=list)

    def found_in(self, said: bytes) -> frozenset[str]:
        """Which secrets are in these bytes. Random tokens don't count: they hold any six letters now and then."""
        text = TOKEN.sub(b" ", said).lower()
        words = {name for name, word in SECRETS.items() if word.lower().encode() in text}
        return frozenset(words | ({PICTURE} if any(picture in said for picture in self.pictures) else set()))


def write(browser: Browser, path: str, **form: Any) -> None:
    """Send a form, and insist that it is taken."""
    answer = browser.post_form(path, form)
    assert answer.status_code in {204, 303}, (path, answer.status, answer.text[-2000:])


def secret_text(name: str) -> str:
    """A text with that secret."""
    return f"the {SECRETS[name]} and the {KEY}"


def a_picture() -> tuple[BytesIO, str]:
    """An upload."""
    file = BytesIO()
    Image.effect_noise((64, 48), 60).save(file, "PNG")
    file.seek(0)
    return file, "picture.png"


def build(as_: Any) -> Town:
    """Let them write; the thumbnails are not made yet."""
    town = Town(as_("ana"), as_("ben"), as_("cleo"))
    for one, other in ((town.ana, town.ben), (town.ana, town.cleo), (town.ben, town.cleo)):
        assert one.user is not None
        assert other.user is not None
        a_follow(one.user, other.user)
        a_follow(other.user, one.user)
    acquainted(town.ana.user, town.ben.user)
    _between_two(town)
    _in_a_group(town)
    write(town.ben, f"/report/{town.pair}", message=["1", "4"], note=secret_text("note of the report"))
    _a_post(town)
    _a_post_with_reactions(town)
    _a_list(town)
    write(town.ben, "/report/person/ana", note=secret_text("note of the report"))
    for browser in (town.ana, town.ben):
        write(browser, "/export_posts")
    return town


def _between_two(town: Town) -> None:
    ana, ben = town.ana, town.ben
    picture = {"image": [a_picture()], "alt": [secret_text("picture's words")]}
    write(ana, "/send_message/ben", message=secret_text("message"), **picture)
    town.pair = db.session.scalars(select(Conversation.id)).one()
    thread = f"/messages/thread/{town.pair}"
    for name in ("before the edit", "taken back", "deleted for both", "deleted by ana for herself"):
        write(ana, "/send_message/ben", message=secret_text(name))
    write(ana, f"{thread}/2/edit", message=secret_text("after the edit"))
    write(ana, f"{thread}/3/undo")
    write(ana, f"{thread}/4/delete", scope="everybody")
    write(ana, f"{thread}/5/delete", scope="me")
    write(ben, "/send_message/ana", message=secret_text("answer"))
    write(ana, "/messages/ben/draft", message=secret_text("draft"), own_seq=5)


def _a_post(town: Town) -> None:
    """One that is only in a report: its author has deleted it since."""
    write(town.cleo, "/post", post=secret_text("reported post"))
    post_id = db.session.scalars(select(Post.id)).one()
    write(town.ben, f"/report/post/{post_id}", note=secret_text("note of the report"))
    write(town.cleo, f"/post/{post_id}/delete")


def _a_post_with_reactions(town: Town) -> None:
    """Everyone may read it. Who saved it is only theirs."""
    write(town.ana, "/post", post="Open to everyone")
    post_id = db.session.scalars(select(Post.id)).one()
    for what in ("like", "bookmark", "repost"):
        write(town.ben, f"/post/{post_id}/{what}")


def _a_list(town: Town) -> None:
    """Only ana knows of it, also ben, who is on it."""
    write(town.ana, "/lists", name=SECRETS["list of people"])
    list_id = db.session.scalars(select(UserList.id)).one()
    write(town.ana, f"/list/{list_id}/add", username="ben")


def _in_a_group(town: Town) -> None:
    name = secret_text("group's name")
    write(town.ana, "/messages/groups", to="ben cleo", name=name, message=secret_text("early in the group"))
    town.group = db.session.scalars(select(Conversation.id).where(Conversation.pair_key.is_(None))).one()


def late_in_the_group(town: Town) -> None:
    """What is written in the group when people have come and gone."""
    write(town.ben, f"/messages/thread/{town.group}/send", message=secret_text("late in the group"))


def note_the_pictures(town: Town) -> None:
    """Know the bytes of the stored pictures, once the job has made the thumbnails."""
    for image in db.session.scalars(select(MessageImage).join(Message)):
        town.pictures += [storage("messages").path(name).read_bytes() for name in (image.file, image.thumbnail) if name]
    assert len(town.pictures) == 2
