"""What is read is a copy that cannot change: kept by its content, and only if it held still while it was copied."""

import errno
import hashlib
import json
import os
import tempfile
import time

import fsspec
import pytest

from lienthong.connections import Connection
from lienthong.errors import SourceDown
from lienthong.sources import intake

from .suite import read

HEADER = b"ma,gia_tri,luc\n"
ONE, TWO = HEADER + b"1,2,3\n", HEADER + b"4,5,6\n"


@pytest.fixture
def drop(tmp_path):
    folder = tmp_path / "drops"
    folder.mkdir(parents=True)
    return folder / "cha.csv"


def source(drop, **extra):
    extra = {"path": str(drop.parent), "pattern": drop.name, **extra}
    return Connection("unit_h15_1", "fs", extra=extra)


def kept(var):
    """What lies in the store by name, and the list of what was taken."""
    names = sorted(path.name for path in (var / "intake").iterdir() if path.name != "taken.jsonl")
    lines = (var / "intake" / "taken.jsonl").read_text(encoding="utf-8").splitlines()
    return names, [json.loads(line) for line in lines]


def sha(content):
    return hashlib.sha256(content).hexdigest()


def during(monkeypatch, change):
    """Do something after the first piece of a file was read."""
    real, done = hashlib.sha256, []

    class Watched:
        def __init__(self):
            self.hash = real()

        def update(self, piece):
            self.hash.update(piece)
            if not done:
                done.append(change())

        def hexdigest(self):
            return self.hash.hexdigest()

    monkeypatch.setattr(intake.hashlib, "sha256", Watched)
    monkeypatch.setattr(intake, "CHUNK", 8)


def test_the_same_name_with_new_content_is_read_again_and_both_are_kept(drop, var):
    drop.write_bytes(ONE)
    assert read(source(drop)) == [("1", "2", "3")]
    drop.write_bytes(TWO)
    assert read(source(drop)) == [("4", "5", "6")]
    names, taken = kept(var)
    assert names == sorted([sha(ONE), sha(TWO)])
    assert [(one["sha256"], one["name"], one["source"], one["size"]) for one in taken] == [
        (sha(content), "cha.csv", "unit_h15_1", len(content)) for content in (ONE, TWO)
    ]
    assert (var / "intake" / sha(ONE)).read_bytes() == ONE


def test_the_same_content_under_a_new_name_is_kept_once(drop, var):
    drop.write_bytes(ONE)
    other = drop.with_name("khác.csv")
    other.write_bytes(ONE)
    assert read(source(drop)) == read(source(other))
    names, taken = kept(var)
    assert names == [sha(ONE)]
    assert [one["name"] for one in taken] == ["cha.csv", "khác.csv"]


def test_only_its_owner_may_look_into_the_store(drop, var):
    drop.write_bytes(ONE)
    read(source(drop))
    assert [path.stat().st_mode & 0o077 for path in (var / "intake", *(var / "intake").iterdir())] == [0, 0, 0]


def append(path):
    with path.open("ab") as file:
        file.write(b"7,8,9\n")


def swap(path):
    beside = path.with_name("x")
    beside.write_bytes(ONE)
    beside.replace(path)


def rewrite_in_place(path):
    before = path.stat()
    with path.open("r+b") as file:
        file.write(TWO)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns + 1))


@pytest.mark.parametrize(
    "change",
    [append, swap, rewrite_in_place, lambda path: os.truncate(path, 10), lambda path: path.unlink()],
)
def test_a_file_that_changes_while_it_is_copied_is_not_taken(drop, var, monkeypatch, change):
    drop.write_bytes(ONE)
    during(monkeypatch, lambda: change(drop))
    with pytest.raises(SourceDown, match="đang được ghi, hoặc vừa bị thay"):
        read(source(drop))
    assert list((var / "intake").iterdir()) == [], "neither a copy nor a rest of one"
    monkeypatch.undo()


def test_an_object_that_changes_while_it_is_copied_is_not_taken(monkeypatch, request):
    files, place = fsspec.filesystem("memory"), f"/{request.node.name}/cha.csv"
    files.pipe(place, ONE)
    during(monkeypatch, lambda: files.pipe(place, TWO + b"more\n"))
    with pytest.raises(SourceDown, match="đang được ghi, hoặc vừa bị thay"):
        read(Connection("unit_h15_1", "fs", extra={"path": f"memory://{request.node.name}", "pattern": "cha.csv"}))
    files.rm(place)


def test_a_file_that_is_too_young_is_left_to_settle(drop):
    drop.write_bytes(ONE)
    with pytest.raises(SourceDown, match="đang được ghi"):
        read(source(drop, settle_seconds=60))
    os.utime(drop, (time.time() - 61,) * 2)
    assert read(source(drop, settle_seconds=60)) == [("1", "2", "3")]


def test_where_no_copy_can_be_kept_the_file_is_read_all_the_same_and_it_is_said(drop, var, monkeypatch, caplog):
    drop.write_bytes(ONE)

    def refuse(*_, **__):
        raise OSError(errno.EROFS, "read-only")

    monkeypatch.setattr(tempfile, "mkstemp", refuse)
    assert read(source(drop)) == [("1", "2", "3")]
    assert "no copy of what is read is kept" in caplog.text
    assert list((var / "intake").iterdir()) == []


def test_a_full_store_is_ours_to_mend_and_is_told_as_such(drop, var, monkeypatch):
    drop.write_bytes(ONE)

    def full(_number):
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(SourceDown, match="kho tiếp nhận tệp của tỉnh hết chỗ"):
        read(source(drop))
    assert list((var / "intake").iterdir()) == []


def test_what_was_not_dropped_again_for_long_is_forgotten(var):
    folder = var / "intake"
    folder.mkdir(parents=True)
    days = {"a" * 64: 31, "b" * 64: 29, ".cut": 2, ".now": 0, "taken.jsonl": 400}
    for name, age in days.items():
        (folder / name).write_text("x", encoding="utf-8")
        os.utime(folder / name, (time.time() - age * 86_400,) * 2)
    assert intake.Intake(var).forget(30) == 2
    assert {path.name for path in folder.iterdir()} == {"b" * 64, ".now", "taken.jsonl"}
    assert intake.Intake(var / "elsewhere").forget(30) == 0
