"""Images in posts: published with alt texts, seen by who sees the post, and removed with it."""

from __future__ import annotations

import os
import re
import time
from html import unescape
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image
from sqlalchemy import func, select

from app.core.database import write_transaction
from app.jobs import enqueue
from app.models import Job, Post, PostDraft, PostImage, ReportedMessage, User
from app.web import limits
from tests.factories import a_follow, a_post, a_user
from tests.posts.test_timelines import posts_on
from tests.support.pictures import picture, post_pictures, send_pictures, stored

# Werkzeug's test client keeps a large body in a temporary file that it leaves to the garbage collector.
pytestmark = [
    pytest.mark.filterwarnings("ignore:Exception ignored in:pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.usefixtures("own_folder"),
]
RED = picture()


def images(db) -> list[PostImage]:
    return list(db.session.scalars(select(PostImage).order_by(PostImage.id)))


def posts(db) -> list[Post]:
    return list(db.session.scalars(select(Post).order_by(Post.id)))


def size_of(answer) -> tuple[int, int]:
    return Image.open(BytesIO(answer.data)).size


def an_image(db, post, name: str) -> PostImage:
    """A row without a file."""
    row = PostImage(post_id=post.id, position=0, file=name, thumbnail="", alt="", width=60, height=40)
    post.has_images = True
    db.session.add(row)
    db.session.commit()
    return row


def make_old(app) -> None:
    """Let a day pass for all files."""
    yesterday = time.time() - 25 * 3600
    for path in (Path(app.config["DATA_DIR"]) / "media" / "posts").glob("*/*"):
        os.utime(path, (yesterday, yesterday))


def test_images_are_published_and_shown_with_alt_text_and_size(app, as_, db, run_jobs):
    ana, ben = as_("ana"), as_("ben")
    a_follow(ben.user, ana.user)
    assert post_pictures(ana, [RED, b"", picture(colour="blue")], alts=["  A <red>\nwall ", "", ""]).status_code == 303
    first, second = images(db)
    assert [(one.position, one.alt, one.width, one.height) for one in (first, second)] == [
        (0, "A <red> wall", 60, 40),
        (1, "", 60, 40),
    ]
    assert (posts(db)[0].body, posts(db)[0].has_images) == ("", True)
    assert stored(app, "posts") == sorted([first.file, second.file])
    for path in ("/", "/explore", "/user/ana", f"/post/{first.post_id}"):
        page = ben.get(path).text
        assert 'data-count="2"' in page, path
        assert f'href="/post/image/{first.id}"' in page and f'src="/post/image/{second.id}"' in page
        assert 'alt="A &lt;red&gt; wall"' in page and 'width="60" height="40" loading="lazy"' in page
        assert "data-post-text" not in page and "data-translate-url" not in page
    run_jobs()
    # The rendered posts are cached, but not with an image that has a thumbnail now.
    assert f'src="/post/image/{first.id}/thumbnail"' in ben.get("/").text
    assert len(stored(app, "posts")) == 4


def test_image_and_thumbnail_are_cached_privately(as_, client, db, run_jobs):
    ana = as_("ana")
    post_pictures(ana, [picture(size=(600, 300))], post="Look")
    (image,) = images(db)
    url = f"/post/image/{image.id}"
    assert ana.get(f"{url}/thumbnail").headers["Cache-Control"] == "no-store"
    run_jobs()
    for path, size in ((url, (600, 300)), (f"{url}/thumbnail", (480, 240))):
        answer = ana.get(path)
        assert (answer.status_code, answer.content_type, size_of(answer)) == (200, "image/webp", size)
        assert answer.headers["Cache-Control"] == "private, max-age=86400, immutable"
        assert answer.headers["X-Content-Type-Options"] == "nosniff" and "Cookie" in answer.headers["Vary"]
        assert client.get(path).status_code == 302
    for number in (0, 999, 2**31, 2**80):
        assert ana.get(f"/post/image/{number}").status_code == 404


def test_image_of_a_reply_is_shown_in_the_thread_behind_the_warning(as_, db):
    ana, ben = as_("ana"), as_("ben")
    post = a_post(ana.user)
    script = {"Accept": "application/json"}
    answer = post_pictures(ben, [RED], path=f"/post/{post.id}/reply", warning="Walls", headers=script)
    assert answer.status_code == 201
    (image,) = images(db)
    page = ana.get(f"/post/{post.id}").text
    hidden = re.search(r'<details class="warned">.*?</details>', page, re.DOTALL)[0]
    assert f'src="/post/image/{image.id}"' in hidden and page.count(f'src="/post/image/{image.id}') == 1


def test_composers_have_fields_for_images_and_alt_texts(as_):
    ana = as_("ana")
    post = a_post(ana.user)
    for path, action in (("/", "/post"), (f"/post/{post.id}", f"/post/{post.id}/reply")):
        page = ana.get(path).text
        form = re.search(rf'<form class="composer"[^>]*action="{action}".*?</form>', page, re.DOTALL)[0]
        fields = form.partition("<template")[0]
        assert 'enctype="multipart/form-data"' in form
        assert fields.count('type="file" name="image"') == fields.count('name="alt"') == 4


# --- What is refused


def test_post_needs_a_text_or_an_image(app, as_, db):
    ana = as_("ana")
    assert post_pictures(ana, [b""], post=" \n").status_code == 422
    assert post_pictures(ana, [b""], path=f"/post/{a_post(ana.user).id}/reply").status_code == 422
    assert (len(posts(db)), stored(app, "posts")) == (1, [])


@pytest.mark.parametrize(
    ("pictures", "fields", "reason"),
    [
        ([RED] * 5, {}, "up to 4 images"),
        ([RED, b"no picture"], {}, "JPEG, PNG"),
        ([RED], {"alts": ["x" * 1001]}, "description is too long"),
        ([RED], {"visibility": "mentioned"}, "Mention at least one person"),
    ],
)
def test_refused_post_leaves_no_file_and_keeps_the_text(app, as_, db, pictures, fields, reason):
    ana = as_("ana")
    answer = post_pictures(ana, pictures, post="typed words", form_key="one", **fields)
    assert answer.status_code == 422
    assert reason in answer.text and "typed words" in answer.text
    assert stored(app, "posts") == images(db) == posts(db) == []
    assert db.session.scalars(select(PostDraft.body)).all() == ["typed words"]


def test_script_hears_why_a_post_was_refused(as_):
    """The page of the script still has the chosen images. Another page would not."""
    answer = post_pictures(as_("ana"), [b"no picture"], headers={"Accept": "application/json"})
    assert (answer.status_code, list(answer.get_json())) == (422, ["error"])


def test_images_of_posts_and_messages_share_a_limit(as_, db, rate_limits):
    ana = as_("ana")
    a_user("ben")
    for _ in range(limits.IMAGES_PER_HOUR // 5):
        assert send_pictures(ana, [b"no picture"] * 5).status_code == 422
    assert post_pictures(ana, [RED]).status_code == 429
    assert ana.post_form("/post", {"post": "words"}).status_code == 303


# --- Once


def test_form_sent_twice_publishes_one_post_with_one_set_of_files(app, as_, db, run_jobs):
    ana = as_("ana")
    for _ in range(2):
        assert post_pictures(ana, [RED], alts=["a wall"], form_key="one", post="Look").status_code == 303
    (image,) = images(db)
    assert (len(posts(db)), stored(app, "posts")) == (1, [image.file])
    assert [job.name for job in run_jobs()].count("posts.thumbnails") == 1
    # The browser goes back to the form: another alt text makes another post.
    assert post_pictures(ana, [RED], alts=["sky"], form_key="one", post="Look").status_code == 303
    assert len(posts(db)) == 2


def test_failure_while_storing_the_post_removes_the_files(app, as_, db, monkeypatch):
    def fail(*_args):
        raise RuntimeError("the database is away")

    ana = as_("ana")
    monkeypatch.setattr("app.posts.images.enqueue", fail)
    monkeypatch.setitem(app.config, "PROPAGATE_EXCEPTIONS", False)
    assert post_pictures(ana, [RED], post="Look").status_code == 500
    assert stored(app, "posts") == posts(db) == []


# --- Edits


def test_edit_keeps_the_images_and_their_words_in_the_search(as_, db):
    ana = as_("ana")
    post_pictures(ana, [RED], alts=["A heron"], post="Look")
    (post,) = posts(db)
    page = f"/post/{post.id}/edit"
    assert 'alt="A heron"' in ana.get(page).text
    assert ana.submit(page, {"post": ""}, action=page).status_code == 303
    assert (posts(db)[0].body, len(images(db))) == ("", 1)
    assert posts_on(ana.get("/search?q=heron").text) == [post.id]
    assert posts_on(ana.get("/search?q=look").text) == []


# --- Statements


def test_images_of_a_page_take_one_statement(as_, db, queries):
    ana, ben = as_("ana"), a_user("ben")
    rows = [a_post(ben, f"Number {number}") for number in range(5)]
    ana.get("/explore")  # writes when the login was last used
    with queries() as before:
        ana.get("/explore")
    for number, post in enumerate(rows[:3]):
        an_image(db, post, f"{number}" * 32 + ".webp")
    for _ in range(2):  # the second time, the posts are in the cache
        with queries() as asked:
            page = ana.get("/explore").text
        assert len(asked) == len(before) + 1, asked
        assert page.count('data-count="1"') == 3


# --- Removal


def test_deleting_a_post_removes_its_files(app, as_, db, run_jobs):
    ana = as_("ana")
    post_pictures(ana, [RED], post="Look")
    post_pictures(ana, [RED], post="Stays")
    run_jobs()
    first, second = images(db)
    url = f"/post/image/{first.id}"
    assert ana.post_form(f"/post/{first.post_id}/delete").status_code == 303
    assert ana.get(url).status_code == 404
    run_jobs()
    assert [one.id for one in images(db)] == [second.id]
    assert stored(app, "posts") == sorted([second.file, second.thumbnail])


def test_orphans_are_removed_after_a_day(app, as_, db, run_jobs):
    """What a killed process and a deleted account leave."""
    ana, ben = as_("ana"), as_("ben")
    post_pictures(ana, [RED])
    post_pictures(ben, [RED])
    run_jobs()
    with write_transaction():
        db.session.delete(db.session.get_one(User, ben.user.id))
    folder = Path(app.config["DATA_DIR"]) / "media" / "posts" / "zz"
    folder.mkdir(parents=True)
    for name in ("zz" + "a" * 30 + ".webp", "zz" + "b" * 30 + ".webp.part"):
        (folder / name).write_bytes(b"x")
    (image,) = images(db)
    assert len(stored(app, "posts")) == 6
    for _again in range(2):
        make_old(app)
        new = folder / ("zz" + "c" * 30 + ".webp")
        new.write_bytes(b"x")
        enqueue("posts.remove_stray_pictures")
        db.session.commit()
        run_jobs()
        assert stored(app, "posts") == sorted([image.file, image.thumbnail, new.name])


def test_thumbnail_job_of_a_deleted_post_leaves_no_file(app, as_, db, run_jobs):
    ana = as_("ana")
    post_pictures(ana, [RED])
    assert ana.post_form(f"/post/{posts(db)[0].id}/delete").status_code == 303
    run_jobs()
    assert stored(app, "posts") == []
    assert db.session.scalar(select(func.count()).where(Job.state == "failed")) == 0


# --- What is told and kept elsewhere


def test_alt_text_is_found_by_search(as_, db):
    ana, ben = as_("ana"), as_("ben")
    post_pictures(ana, [RED], alts=["A heron by the canal"], post="Look")
    assert posts_on(ben.get("/search?q=heron+look").text) == [posts(db)[0].id]


@pytest.mark.parametrize(("alt", "told"), [("A wall & a door", "Image: A wall & a door"), ("", "1 image")])
def test_notification_and_email_describe_a_post_without_a_text(as_, db, run_jobs, mails, alt, told):
    ana, ben = as_("ana"), as_("ben")
    post = a_post(ana.user)
    post_pictures(ben, [RED], path=f"/post/{post.id}/reply", alts=[alt], language="es")
    snippet = re.search(r'<a class="snippet"[^>]*>.*?</a>', ana.get("/activity").text)[0]
    assert told in unescape(re.sub(r"<[^>]+>|[\u2066-\u2069]", "", snippet)) and "lang=" not in snippet
    run_jobs(advance=2 * 86400)
    (mail,) = mails.to("ana@example.org")
    assert f"> {told}" in re.sub(r"[\u2066-\u2069]", "", mail.text)


def test_report_keeps_the_images_as_evidence(app, as_, db, run_jobs):
    ana, ben, mia = as_("ana"), as_("ben"), as_(a_user("mia", role="moderator"))
    post_pictures(ben, [RED], alts=["A rude wall"])
    (image,) = images(db)
    content = ana.get(f"/post/image/{image.id}").data
    path = f"/report/post/{image.post_id}"
    assert f'src="/post/image/{image.id}/thumbnail"' in ana.get(path).text
    assert ana.submit(path, {"note": "Rude"}, action=path).status_code == 303
    (item,) = db.session.scalars(select(ReportedMessage))
    assert [one["alt"] for one in item.images] == ["A rude wall"]
    assert mia.post_form("/moderation/1/look").status_code == 303
    assert mia.post_form("/moderation/1/assign").status_code == 303
    assert mia.post_form("/moderation/1/remove_post", {"words": "Please be kind"}).status_code == 303
    run_jobs()
    assert stored(app, "posts") == []
    page = mia.get("/moderation/1").text
    assert 'alt="A rude wall"' in page and "The signature is valid." in page
    assert mia.get("/moderation/1/picture/0").data == content
    assert "A rude wall" in ben.get("/activity").text
    # The copies are in the store of message images, whose daily job keeps them.
    enqueue("messages.remove_stray_pictures")
    db.session.commit()
    run_jobs()
    assert [one["file"] for one in item.images] == stored(app)


def test_export_names_the_images(as_, db, run_jobs):
    ana = as_("ana")
    post_pictures(ana, [RED, RED], alts=["A wall", ""], post="Look")
    a_post(ana.user, "Words only")
    ana.post_form("/export_posts")
    run_jobs()
    job = db.session.scalars(select(Job).where(Job.name == "posts.export")).one()
    exported = ana.get(f"/tasks/{job.id}/download").get_json(force=True)["posts"]
    _first, second = images(db)
    assert [one["alt"] for one in exported[0]["images"]] == ["A wall", ""]
    assert exported[0]["images"][1]["url"].endswith(f"/post/image/{second.id}")
    assert "images" not in exported[1]
