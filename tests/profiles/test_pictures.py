from __future__ import annotations

import gc
import os
import time
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from app.jobs import enqueue
from app.models import User
from app.web import limits
from app.web.filters import avatar_url
from tests.factories import a_user

# Werkzeug's test client keeps a large body in a temporary file that it leaves to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore:Exception ignored in:pytest.PytestUnraisableExceptionWarning")

YEAR = "public, max-age=31536000, immutable"


def picture(kind="PNG", size=(60, 40), colour="red", **options):
    out = BytesIO()
    Image.new("RGB", size, colour).save(out, kind, **options)
    return out.getvalue()


def upload(browser, data, name="me.png", **fields):
    sent = {"theme": "auto", "avatar": (BytesIO(data), name), **fields}
    return browser.post_form("/edit_profile", sent, content_type="multipart/form-data")


def files(app):
    folder = Path(app.config["DATA_DIR"]) / "media" / "avatars"
    return sorted(path.name for path in folder.glob("*/*"))


def person(db, username="ana"):
    return db.session.query(User).filter_by(username=username).one()


def address(app, who):
    with app.test_request_context():
        return avatar_url(who)


@pytest.fixture(autouse=True)
def own_folder(configure, tmp_path):
    configure(DATA_DIR=tmp_path)
    yield
    gc.collect()


def test_default_avatar_is_drawn_from_the_name_and_cached_for_a_year(app, client, queries):
    where = address(app, a_user("ana", name="Ana <Ruiz>"))
    with queries() as asked:
        answer = client.get(where)
    assert len(asked) == 1, asked
    assert answer.status_code == 200
    assert answer.content_type.startswith("image/svg+xml")
    assert answer.headers["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cache-Control"] == YEAR
    assert "Set-Cookie" not in answer.headers and "Cookie" not in answer.headers.get("Vary", "")
    assert ">AR</text>" in answer.text


def test_outdated_avatar_url_is_cached_briefly(client):
    a_user("ana")
    assert client.get("/avatar/ana/old").headers["Cache-Control"] == "public, max-age=60"
    assert client.get("/avatar/nobody/old").status_code == 404


def test_changed_name_changes_the_avatar_url(app, as_, db):
    ana = as_("ana")
    before = address(app, person(db))
    ana.post_form("/edit_profile", {"name": "Zoe Young", "theme": "auto"})
    after = address(app, person(db))
    assert after != before
    assert ">ZY</text>" in ana.get(after).text


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "WEBP"])
def test_uploaded_avatar_is_re_encoded_and_gets_a_random_name(app, as_, db, kind):
    ana = as_("ana")
    assert upload(ana, picture(kind), "../../\u202eCON.php;" + "x" * 300).status_code == 303
    assert files(app) == [person(db).avatar]
    answer = ana.get(address(app, person(db)))
    assert answer.content_type == "image/webp"
    assert answer.headers["Cache-Control"] == YEAR
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    with Image.open(BytesIO(answer.data)) as shown:
        assert (shown.format, shown.size) == ("WEBP", (400, 400))


def test_avatar_metadata_is_removed(app, as_, db):
    exif = Image.Exif()
    exif[0x010F] = "SecretCamera"
    ana = as_("ana")
    data = picture("JPEG", exif=exif.tobytes()) + b"<script>alert(1)</script>"
    assert upload(ana, data, "me.jpg").status_code == 303
    answer = ana.get(address(app, person(db))).data
    assert b"SecretCamera" not in answer and b"script" not in answer


def test_replacing_or_removing_an_avatar_deletes_its_file(app, as_, db):
    ana = as_("ana")
    upload(ana, picture())
    first, at_first = person(db).avatar, address(app, person(db))
    upload(ana, picture(colour="blue"))
    second = person(db).avatar
    assert second != first
    assert files(app) == [second]
    # The old address shows today's picture, and is not kept.
    assert ana.get(at_first).headers["Cache-Control"] == "public, max-age=60"
    assert ana.post_form("/edit_profile", {"remove_avatar": "y", "theme": "auto"}).status_code == 303
    assert person(db).avatar == ""
    assert files(app) == []


def bomb():
    out = BytesIO()
    Image.new("1", (13_000, 13_000)).save(out, "PNG", optimize=True)
    return out.getvalue()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("data", "name", "reason"),
    [
        (b"", "empty.png", None),
        (b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>', "a.svg", "JPEG, PNG"),
        (b"<html><script>alert(1)</script></html>", "a.png", "JPEG, PNG"),
        (b"<?php system($_GET[0]);", "a.php", "JPEG, PNG"),
        (picture()[:60], "cut.png", "damaged"),
        (picture("BMP"), "a.bmp", "JPEG, PNG"),
        (picture("TIFF"), "a.png", "JPEG, PNG"),
        (picture(size=(1, 50_000)), "thread.png", "25 megapixels"),
        (bomb, "bomb.png", "25 megapixels"),  # made in the test: it takes half a second
        (b"\x89PNG\r\n\x1a\n" + b"0" * (5 * 1024 * 1024), "a.png", "5 MB"),
    ],
)
def test_file_that_is_not_an_image_is_rejected(app, as_, db, data, name, reason):
    ana = as_("ana")
    answer = upload(ana, data() if callable(data) else data, name, about_me="typed words")
    assert answer.status_code == 422
    assert "typed words" in answer.text
    assert reason is None or reason in answer.text
    assert person(db).avatar == "" and person(db).about_me == ""
    assert files(app) == []


def test_oversized_upload_is_rejected_without_reading_it(as_):
    assert upload(as_("ana"), b"0" * (7 * 1024 * 1024)).status_code == 413


def test_rejected_profile_keeps_the_avatar_and_leaves_no_unused_file(app, as_, db):
    ana = as_("ana")
    upload(ana, picture())
    kept = person(db).avatar
    assert upload(ana, picture(colour="blue"), about_me="x" * 501).status_code == 422
    assert person(db).avatar == kept
    assert files(app) == [kept]


@pytest.mark.parametrize("fields", [{"avatar": "text"}, {"name": b"a file"}])
def test_text_in_a_file_field_and_file_in_a_text_field_are_ignored(as_, db, fields):
    values = {key: (BytesIO(one), "name.txt") if isinstance(one, bytes) else one for key, one in fields.items()}
    sent = {"theme": "auto", "about_me": "words", **values}
    answer = as_("ana").post_form("/edit_profile", sent, content_type="multipart/form-data")
    assert answer.status_code == 303
    assert (person(db).about_me, person(db).name, person(db).avatar) == ("words", "", "")


def test_full_disk_shows_an_error_and_changes_nothing(app, as_, db, monkeypatch):
    def full(*_args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("app.lib.media.Storage.save", full)
    answer = upload(as_("ana"), picture())
    assert answer.status_code == 422
    assert "save this image" in answer.text
    assert person(db).avatar == ""


def test_missing_avatar_file_is_replaced_by_a_drawn_avatar(app, as_, db):
    ana = as_("ana")
    upload(ana, picture())
    where = address(app, person(db))
    (path,) = (Path(app.config["DATA_DIR"]) / "media" / "avatars").glob("*/*")
    path.unlink()
    answer = ana.get(where)
    assert answer.content_type.startswith("image/svg+xml")
    assert answer.headers["Cache-Control"] == "public, max-age=60"


def test_unused_avatar_files_are_deleted_after_a_day(app, as_, db, run_jobs):
    upload(as_("ana"), picture())
    folder = Path(app.config["DATA_DIR"]) / "media" / "avatars" / "zz"
    folder.mkdir(parents=True)
    old, new = folder / ("zz" + "a" * 30 + ".webp"), folder / ("zz" + "b" * 30 + ".webp")
    part = folder / ("zz" + "c" * 30 + ".webp.part")
    for path in (old, new, part):
        path.write_bytes(b"x")
    yesterday = time.time() - 25 * 3600
    for path in (old, part, *folder.parent.glob(f"*/{person(db).avatar}")):
        os.utime(path, (yesterday, yesterday))
    for _again in range(2):
        enqueue("profiles.remove_stray_media")
        db.session.commit()
        run_jobs()
        assert set(files(app)) == {person(db).avatar, new.name}


def test_all_uploaded_files_of_a_form_count_toward_the_image_limit(as_, rate_limits):
    ana = as_("ana")
    hidden = {"x": [(BytesIO(b"x"), "x.png") for _ in range(limits.IMAGES_PER_HOUR - 2)], "theme": "auto"}
    assert ana.post_form("/edit_profile", hidden, content_type="multipart/form-data").status_code == 303
    answers = [upload(ana, picture()) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [303, 303, 429]
    assert answers[-1].headers["Retry-After"]
    assert upload(ana, b"", "", about_me="words").status_code == 303
