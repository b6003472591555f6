from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from app.lib.media import Storage


@pytest.fixture
def storage(tmp_path: Path) -> Storage:
    return Storage(tmp_path / "media")


def files(storage: Storage) -> list[Path]:
    return [path for path in storage.root.rglob("*") if path.is_file()]


def test_file_can_be_saved_read_and_deleted(storage: Storage) -> None:
    name = storage.save(b"picture", "webp")
    assert re.fullmatch(r"[a-z0-9]{32}\.webp", name)
    with storage.open(name) as file:
        assert file.read() == b"picture"
    assert files(storage) == [storage.path(name)]
    storage.delete(name)
    storage.delete(name)
    assert files(storage) == []
    with pytest.raises(FileNotFoundError):
        storage.open(name)


def test_every_file_gets_a_unique_name(storage: Storage) -> None:
    assert len({storage.save(b"x", "webp") for _ in range(50)}) == 50


@pytest.mark.parametrize(
    "name",
    ["", ".", "..", "../../etc/passwd", "/etc/passwd", "a" * 32, "a" * 32 + ".php",
     "a" * 32 + ".webp\n", "A" * 32 + ".webp",
     "a" * 31 + "/.webp", "a" * 32 + ".webp.part", "a\0" * 16 + ".webp", "CON", "x" * 300, "٣" * 32 + ".webp"],
)  # fmt: skip
def test_invalid_file_names_are_not_found(storage: Storage, name: str) -> None:
    with pytest.raises(FileNotFoundError):
        storage.open(name)
    storage.delete(name)


@pytest.mark.parametrize("kind", ["svg", "html", "php", "", "../x", "webp\0"])
def test_unknown_file_kinds_are_rejected(storage: Storage, kind: str) -> None:
    with pytest.raises(ValueError, match="^" + re.escape(kind) + "$"):
        storage.save(b"x", kind)


def test_file_is_visible_only_when_complete(storage: Storage) -> None:
    with storage.create("zip") as file:
        file.stream.write(b"one")
        with pytest.raises(FileNotFoundError):
            storage.open(file.name)
        file.stream.write(b"two")
    assert storage.path(file.name).read_bytes() == b"onetwo"


def test_failed_write_leaves_no_file(storage: Storage) -> None:
    with pytest.raises(RuntimeError), storage.create("zip") as file:
        file.stream.write(b"half")
        raise RuntimeError
    assert files(storage) == []


def test_unfinished_files_of_killed_writers_are_removed(storage: Storage) -> None:
    whole = storage.path(storage.save(b"x", "webp"))
    old, fresh = whole.with_name("old.webp.part"), whole.with_name("fresh.webp.part")
    old.touch()
    fresh.touch()
    os.utime(old, (1, 1))
    assert storage.delete_unfinished(older_than=60) == 1
    assert sorted(files(storage)) == sorted([whole, fresh])


def test_old_files_are_listed_by_name(storage: Storage) -> None:
    old, fresh = storage.save(b"x", "webp"), storage.save(b"y", "webp")
    unfinished = storage.path(old).with_name(f"{old}.part")
    unfinished.touch()
    for path in (storage.path(old), unfinished):
        os.utime(path, (1, 1))
    assert storage.names_older_than(60) == [old]
    assert sorted(storage.names_older_than(0)) == sorted([old, fresh])
