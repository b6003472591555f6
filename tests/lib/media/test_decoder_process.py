"""The decoder process: what an image may cost, and what becomes of one that costs more or kills its decoder."""

from __future__ import annotations

import gc
import resource
import signal
import threading
from functools import partial

import pytest
from PIL import Image

from app.lib.media import AVATAR, PHOTO, DecoderFailed, InvalidImage, decoder_launcher, make_picture
from app.lib.media.containers import jpeg_scans
from app.web.uploads import _queue
from tests.support.colour_profiles import display_p3
from tests.support.hostile_images import (
    encoded,
    jpeg_of_hidden_scans,
    jpeg_of_scans,
    png_bomb,
    png_of_text_chunks,
    with_segment,
)
from tests.support.pictures import stored, upload_avatar
from tests.support.ports import wait_for

pytestmark = [
    pytest.mark.one_database,
    pytest.mark.filterwarnings("ignore:Exception ignored in:pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture(autouse=True)
def own_folder(configure, tmp_path):
    configure(DATA_DIR=tmp_path)
    yield
    gc.collect()


def children_cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


@pytest.mark.slow
def test_scans_behind_a_marker_skipped_by_libjpeg_are_counted(as_, db):
    data = jpeg_of_hidden_scans(1500)
    assert jpeg_scans(data, most=10_000) > 1500
    before = children_cpu()
    assert "damaged" in upload_avatar(as_("ana"), data).text
    assert children_cpu() - before < 0.9  # decoding them takes 4 s


@pytest.mark.slow
@pytest.mark.parametrize("make", [partial(jpeg_of_scans, 50, (5000, 5000)), partial(png_bomb, 4900, 4900, 16, 6)])
def test_decoding_an_allowed_image_takes_a_second_at_most(as_, db, make):
    ana, data = as_("ana"), make()
    before = children_cpu()
    answer = upload_avatar(ana, data)
    assert children_cpu() - before < 1.3
    assert answer.status_code == 303 or "takes too long to process" in answer.text


def jpeg_of_bad_tags() -> bytes:
    tags = b"Exif\0\0MM\0*\0\0\0\x08\x13\x88" + b"\xff" * 60_000  # 5,000 of them
    return with_segment(encoded(Image.new("RGB", (60, 40)), "JPEG"), 0xE1, tags)


@pytest.mark.slow
@pytest.mark.parametrize("make", [png_of_text_chunks, jpeg_of_bad_tags])
def test_large_metadata_is_accepted_and_logs_nothing(as_, db, capfd, caplog, make):
    assert upload_avatar(as_("ana"), make()).status_code == 303
    assert capfd.readouterr().err == "" and caplog.text == ""


@pytest.mark.slow
def test_decoder_memory_is_limited(monkeypatch):
    little = "import media.decoder_process; media.decoder_process.MAX_MEMORY = 150_000_000; main()"
    monkeypatch.setattr(decoder_launcher, "_START", decoder_launcher._START.replace("main()", little))
    with pytest.raises(InvalidImage, match="costly"):
        make_picture(png_bomb(4900, 4900, depth=8, colours=2), PHOTO, seconds=9)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGSEGV, "broken"), (signal.SIGXCPU, "costly")])
def test_crashed_decoder_rejects_the_image_and_killed_decoder_raises(monkeypatch, number, code):
    die = "import os, sys; sys.stdin.buffer.read(); os.kill(os.getpid(), {})"
    monkeypatch.setattr(decoder_launcher, "_START", die.format(int(number)))
    with pytest.raises(InvalidImage, match=code):
        make_picture(encoded(Image.new("RGB", (9, 9)), "PNG"), AVATAR, seconds=1)
    monkeypatch.setattr(decoder_launcher, "_START", die.format(int(signal.SIGKILL)))
    with pytest.raises(DecoderFailed, match="-9"):
        make_picture(encoded(Image.new("RGB", (9, 9)), "PNG"), AVATAR, seconds=1)


def test_decoder_environment_contains_no_secrets(monkeypatch):
    monkeypatch.setenv("SECRET_KEY", "not for decoders")
    answer = "{'width': 'SECRET_KEY' in os.environ, 'height': 0, 'pixels': 0}"
    tell = f"import os, json, sys; sys.stdin.buffer.read(); print(json.dumps({answer}))"
    monkeypatch.setattr(decoder_launcher, "_START", tell)
    assert make_picture(encoded(Image.new("RGB", (9, 9)), "PNG"), AVATAR, seconds=1).width is False


def test_half_of_the_threads_never_wait_for_a_decoder(app, as_, configure, monkeypatch):
    """With four threads, two uploads wait. The third is refused at once, with what was typed."""
    configure(WEB_THREADS=4)
    release, waiting = threading.Event(), []

    def slow(*_args, **_options):
        waiting.append(1)
        release.wait(60)
        raise InvalidImage("broken")

    monkeypatch.setattr("app.web.uploads.make_picture", slow)
    monkeypatch.setattr("app.web.uploads._Queue.WAIT", 60)
    browsers = [as_(name) for name in ("ana", "ben", "cleo")]
    image = encoded(Image.new("RGB", (9, 9)), "PNG")
    threads = [threading.Thread(target=upload_avatar, args=(browser, image)) for browser in browsers[:2]]
    for thread in threads:
        thread.start()
    try:
        wait_for(lambda: _queue._waiting == 2 and waiting, seconds=30, why="two uploads to wait")
        answer = upload_avatar(browsers[2], image, about_me="typed words")
        assert answer.status_code == 422 and "busy" in answer.text and "typed words" in answer.text
    finally:
        release.set()
        for thread in threads:
            thread.join()


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["AVIF", "HEIF"])
def test_newer_image_formats_are_accepted_with_correct_colors(app, as_, db, kind):
    best = {"quality": 100, "subsampling": "4:4:4"} if kind == "AVIF" else {"quality": 95, "chroma": 444}
    data = encoded(Image.new("RGB", (64, 64), (234, 51, 35)), kind, icc_profile=display_p3(), **best)
    ana = as_("ana")
    for accepted in (".heic", "image/heic", "image/avif"):
        assert accepted in ana.get("/edit_profile").text
    assert upload_avatar(ana, data).status_code == 303
    (name,) = stored(app, "avatars")
    with Image.open(app.config["DATA_DIR"] / "media" / "avatars" / name[:2] / name) as image:
        red, green, blue = image.getpixel((9, 9))
    assert red > 247 and green < 8 and blue < 8
