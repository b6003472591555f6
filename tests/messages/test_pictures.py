"""Pictures in messages: checked, encoded anew, and seen only by who sees the message."""

from __future__ import annotations

import os
import time
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image
from sqlalchemy import select

from app.jobs import enqueue
from app.lib.media import THUMBNAIL, make_picture
from app.models import Job, Message, MessageImage, Report, ReportedMessage
from app.web import limits
from tests.factories import a_message, acquainted
from tests.support.pictures import picture, send_pictures, stored

# Werkzeug's test client keeps a large body in a temporary file that it leaves to the garbage collector.
pytestmark = [
    pytest.mark.filterwarnings("ignore:Exception ignored in:pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.usefixtures("own_folder"),
]


def images(db) -> list[MessageImage]:
    return list(db.session.scalars(select(MessageImage).order_by(MessageImage.id)))


def opened_image(answer) -> Image.Image:
    return Image.open(BytesIO(answer.data))


def test_image_can_be_sent_and_viewed_by_both_members(app, ana, as_, db):
    answer = send_pictures(ana, [picture(size=(60, 40))], alts=["  A red\nwall "], message="Look")
    assert answer.status_code == 303
    (image,) = images(db)
    assert (image.alt, image.width, image.height, image.position) == ("A red wall", 60, 40, 0)
    assert stored(app) == [image.file]
    for browser in (ana, as_("ben")):
        answer = browser.get(f"/messages/image/{image.id}")
        assert (answer.status_code, answer.content_type) == (200, "image/webp")
        assert opened_image(answer).size == (60, 40)
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Cache-Control"] == "private, max-age=86400, immutable"
        # Kept for this login only: who logs in next on the same browser asks again.
        assert "Cookie" in answer.headers["Vary"]
        assert browser.head(f"/messages/image/{image.id}").status_code == 200


def test_images_are_shown_with_alt_text_and_size(ana, as_, db, run_jobs):
    send_pictures(ana, [picture(), picture(colour="blue")], alts=["A <red> wall", ""])
    first, second = images(db)
    page = as_("ben").get("/messages/ana").text
    assert f'href="/messages/image/{first.id}"' in page
    assert f'src="/messages/image/{first.id}"' in page
    assert 'alt="A &lt;red&gt; wall"' in page and 'width="60" height="40"' in page
    run_jobs()
    page = as_("ben").get("/messages/ana").text
    assert f'src="/messages/image/{second.id}/thumbnail"' in page


def test_large_image_is_scaled_down_and_loses_its_metadata(ana, db):
    exif = Image.Exif()
    exif[0x010F] = "SecretCamera"
    data = picture("JPEG", (3000, 1500), exif=exif.tobytes()) + b"<script>alert(1)</script>"
    assert send_pictures(ana, [data]).status_code == 303
    (image,) = images(db)
    answer = ana.get(f"/messages/image/{image.id}")
    assert opened_image(answer).size == (image.width, image.height) == (2048, 1024)
    assert b"SecretCamera" not in answer.data and b"script" not in answer.data


@pytest.mark.slow
def test_four_images_keep_their_order_and_alt_texts(ana, db):
    """An empty field between them takes no words from the others."""
    colours = [picture(colour=colour) for colour in ("red", "blue", "green", "white")]
    pictures = [colours[0], b"", *colours[1:]]
    assert send_pictures(ana, pictures, alts=["red", "nothing", "blue", "", "white"]).status_code == 303
    assert [(image.position, image.alt) for image in images(db)] == [(0, "red"), (1, "blue"), (2, ""), (3, "white")]
    red = opened_image(ana.get(f"/messages/image/{images(db)[0].id}")).convert("RGB").getpixel((5, 5))
    assert red[0] > 200 and red[2] < 50


def test_image_needs_no_text_but_an_empty_message_is_rejected(ana, db):
    assert send_pictures(ana, [b""], message="").status_code == 422
    assert send_pictures(ana, [picture()], message=" \n ").status_code == 303
    assert db.session.scalars(select(Message.body)).all() == [""]


def test_nonmembers_cannot_view_message_images(ana, as_, client, db, run_jobs):
    send_pictures(ana, [picture()])
    (image,) = images(db)
    a_message(as_("cleo").user, ana.user)
    for address in (f"/messages/image/{image.id}", f"/messages/image/{image.id}/thumbnail"):
        assert as_("cleo").get(address).status_code == 404
        answer = client.get(address)
        assert answer.status_code == 302 and "/auth/login" in answer.headers["Location"]
        assert client.get(address, headers={"Accept": "application/json"}).status_code == 401
    for number in (0, 999, 2**31, 2**80):
        assert ana.get(f"/messages/image/{number}").status_code == 404


def test_former_group_members_cannot_view_group_images(ana, as_, db):
    cleo = as_("cleo")
    acquainted(ana.user, cleo.user)
    group = {"to": "ben, cleo", "name": "Walls", "message": "Look", "image": [(BytesIO(picture()), "picture.png")]}
    assert ana.post_form("/messages/groups", group, content_type="multipart/form-data").status_code == 303
    (image,) = images(db)
    thread = db.session.scalar(select(Message.conversation_id).where(Message.id == image.message_id))
    assert cleo.get(f"/messages/image/{image.id}").status_code == 200
    assert cleo.post_form(f"/messages/thread/{thread}/leave").status_code == 303
    assert cleo.get(f"/messages/image/{image.id}").status_code == 404
    assert as_("ben").get(f"/messages/image/{image.id}").status_code == 200


def test_missing_image_file_is_not_found(app, ana, db):
    send_pictures(ana, [picture()])
    (path,) = (Path(app.config["DATA_DIR"]) / "media" / "messages").glob("*/*")
    path.unlink()
    assert ana.get(f"/messages/image/{images(db)[0].id}").status_code == 404


# --- What is refused


def test_more_than_four_images_are_rejected_and_the_text_is_kept(app, ana, db):
    answer = send_pictures(ana, [picture()] * 5, message="typed words")
    assert answer.status_code == 422
    assert "up to 4 images" in answer.text and "typed words" in answer.text
    assert stored(app) == [] and images(db) == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>', "JPEG, PNG"),
        (picture()[:60], "damaged"),
        (picture(size=(1, 50_000)), "25 megapixels"),
        (b"\x89PNG\r\n\x1a\n" + b"0" * (5 * 1024 * 1024), "5 MB"),
    ],
)
def test_invalid_file_rejects_all_images_of_the_message(app, ana, db, data, reason):
    answer = send_pictures(ana, [picture(), data], message="typed words")
    assert answer.status_code == 422
    assert reason in answer.text and "typed words" in answer.text
    assert stored(app) == []
    assert db.session.scalars(select(Message)).all() == []


def test_alt_text_length_is_limited(app, ana, db):
    answer = send_pictures(ana, [picture()], alts=["x" * 1001], message="typed words")
    assert answer.status_code == 422 and "typed words" in answer.text
    assert send_pictures(ana, [picture()], alts=["x" * 1000]).status_code == 303
    assert len(stored(app)) == len(images(db)) == 1


def test_full_disk_rejects_the_message_and_keeps_the_text(ana, db, monkeypatch):
    def full(*_args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("app.lib.media.Storage.save", full)
    answer = send_pictures(ana, [picture()], message="typed words")
    assert answer.status_code == 422
    assert "save this image" in answer.text and "typed words" in answer.text
    assert db.session.scalars(select(Message)).all() == []


@pytest.mark.slow
def test_four_largest_images_are_accepted_and_larger_requests_are_rejected(ana, db):
    out = BytesIO()
    Image.frombytes("RGB", (1300, 1300), os.urandom(1300 * 1300 * 3)).save(out, "PNG", compress_level=0)
    large = out.getvalue()
    assert 4.8 < len(large) / 1024 / 1024 < 5
    assert send_pictures(ana, [large] * 4).status_code == 303
    assert len(images(db)) == 4
    assert send_pictures(ana, [large] * 5).status_code == 413
    # Any other form stays small.
    fields = {"about_me": (BytesIO(large + large), "large.png")}
    assert ana.post_form("/edit_profile", fields, content_type="multipart/form-data").status_code == 413


def test_number_of_images_is_limited_but_text_messages_are_not(ana, rate_limits):
    requests = limits.IMAGES_PER_HOUR // 5
    answers = [send_pictures(ana, [b"no picture"] * 5) for _ in range(requests + 1)]
    assert [answer.status_code for answer in answers] == [422] * requests + [429]
    assert ana.post_form("/send_message/ben", {"message": "words"}).status_code == 303


def test_number_of_pixels_is_limited(ana, rate_limits, monkeypatch):
    """Four images of 25 megapixels in each message, without the ten seconds that they would take."""
    small = make_picture(picture(), THUMBNAIL, seconds=9)
    monkeypatch.setattr("app.web.uploads.make_picture", lambda *_args, **_options: small._replace(pixels=25_000_000))
    requests = limits.MEGAPIXELS_PER_HOUR // 100
    answers = [send_pictures(ana, [picture()] * 4) for _ in range(requests + 1)]
    assert [answer.status_code for answer in answers] == [303] * requests + [429]


# --- Once


def test_form_sent_twice_sends_one_message_with_one_image(app, ana, db):
    for _ in range(2):
        assert send_pictures(ana, [picture()], alts=["a wall"], form_key="one").status_code == 303
    (image,) = images(db)
    assert image.file in stored(app)


def test_group_form_with_image_sent_twice_creates_one_group(ana, as_, db):
    acquainted(ana.user, as_("cleo").user)
    for _ in range(2):
        group = {"to": "ben, cleo", "form_key": "one", "message": "", "image": [(BytesIO(picture()), "picture.png")]}
        assert ana.post_form("/messages/groups", group, content_type="multipart/form-data").status_code == 303
    assert len(images(db)) == 1


def test_reused_form_key_with_another_image_sends_another_message(ana, db):
    """A browser that goes back shows the form as it was, key and all: what is sent now must not be swallowed."""
    for colour in ("red", "blue"):
        assert send_pictures(ana, [picture(colour=colour)], form_key="one").status_code == 303
    assert send_pictures(ana, [picture(colour="blue")], alts=["sky"], form_key="one").status_code == 303
    assert len(images(db)) == 3


# --- Thumbnails


@pytest.mark.slow
def test_thumbnails_are_made_by_a_job_and_the_image_is_shown_until_then(app, ana, as_, db, run_jobs):
    send_pictures(ana, [picture(size=(1500, 1000)), picture(size=(30, 20))])
    first, second = images(db)
    answer = ana.get(f"/messages/image/{first.id}/thumbnail")
    assert opened_image(answer).size == (1500, 1000)
    assert answer.headers["Cache-Control"] == "no-store"
    run_jobs()
    sizes = {first.id: (480, 320), second.id: (30, 20)}
    for image in images(db):
        answer = as_("ben").get(f"/messages/image/{image.id}/thumbnail")
        assert (answer.content_type, opened_image(answer).size) == ("image/webp", sizes[image.id])
        assert answer.headers["Cache-Control"] == "private, max-age=86400, immutable"
    assert opened_image(ana.get(f"/messages/image/{first.id}")).size == (1500, 1000)
    assert len(stored(app)) == 4


def test_repeated_thumbnail_job_makes_no_second_thumbnail(app, ana, db, run_jobs):
    send_pictures(ana, [picture()])
    run_jobs()
    (before,) = [image.thumbnail for image in images(db)]
    enqueue("messages.thumbnails", message_id=images(db)[0].message_id)
    db.session.commit()
    run_jobs()
    assert [image.thumbnail for image in images(db)] == [before]
    assert len(stored(app)) == 2


@pytest.mark.slow
@pytest.mark.parametrize("damage", [lambda path: path.unlink(), lambda path: path.write_bytes(b"no picture")])
def test_failed_thumbnail_does_not_prevent_the_others(app, ana, db, run_jobs, damage):
    send_pictures(ana, [picture(), picture(colour="blue")])
    first, _second = images(db)
    damage(Path(app.config["DATA_DIR"]) / "media" / "messages" / first.file[:2] / first.file)
    run_jobs(may_fail=True)
    job = db.session.scalars(select(Job).where(Job.name == "messages.thumbnails")).one()
    assert (job.state, job.attempts) == ("failed", 1)
    assert f"picture {first.id}" in job.error
    first, second = images(db)
    assert first.thumbnail == "" and second.thumbnail != ""


def test_thumbnail_job_is_retried_after_a_full_disk(ana, db, run_jobs, monkeypatch):
    send_pictures(ana, [picture()])

    def full(*_args):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("app.lib.media.Storage.save", full)
        run_jobs(may_fail=True)
    run_jobs(advance=60)
    assert images(db)[0].thumbnail != ""


# --- Files


def test_unused_files_are_deleted_after_a_day_and_used_files_are_kept(app, ana, db, run_jobs):
    send_pictures(ana, [picture()])
    run_jobs()
    (image,) = images(db)
    folder = Path(app.config["DATA_DIR"]) / "media" / "messages" / "zz"
    folder.mkdir(parents=True)
    old, new, evidence = (folder / f"zz{letter * 30}.webp" for letter in "abc")
    part = folder / ("zz" + "d" * 30 + ".webp.part")
    for path in (old, new, evidence, part):
        path.write_bytes(b"x")
    report = Report(reporter_id=ana.user.id, accused_name="ben", seal="")
    db.session.add(report)
    db.session.flush()
    held = [{"file": evidence.name, "alt": "", "sha256": ""}]
    db.session.add(
        ReportedMessage(report_id=report.id, seq=1, sender_name="ben", body="", sent_at=image_time(db), images=held)
    )
    yesterday = time.time() - 25 * 3600
    for path in folder.parent.glob("*/*"):
        if path != new:
            os.utime(path, (yesterday, yesterday))
    for _again in range(2):
        enqueue("messages.remove_stray_pictures")
        db.session.commit()
        run_jobs()
        assert set(stored(app)) == {image.file, image.thumbnail, new.name, evidence.name}


def image_time(db):
    return db.session.scalars(select(Message.created_at)).first()


@pytest.mark.slow
def test_email_describes_images_by_their_alt_text(ana, db, run_jobs, mails):
    send_pictures(ana, [picture(), picture(colour="blue")], alts=["A <red> wall", ""])
    ana.post_form("/send_message/ben", {"message": "And words"})
    run_jobs(advance=60)
    (mail,) = mails.to("ben@example.org")
    assert "> [Image] A <red> wall" in mail.text and "> And words" in mail.text
    assert "[Image] A &lt;red&gt; wall" in mail.html
