"""A folder is replaced whole: readers find the old one or the new one, never a half."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def whole(target: Path) -> Iterator[Path]:
    """An empty folder beside ``target`` that takes its place when the block ends well, and is gone when it does not.

    Between two renames there is a moment without ``target``; a process killed in it leaves the new folder's place
    empty, and the next write fills it."""
    target.parent.mkdir(parents=True, exist_ok=True)
    made = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    try:
        fresh, old = made / "new", made / "old"
        fresh.mkdir()
        yield fresh
        if target.exists():
            target.rename(old)
        fresh.rename(target)
    finally:
        shutil.rmtree(made, ignore_errors=True)


def write_whole(path: Path, text: str) -> None:
    """Replace one text file at once."""
    made = path.with_name(f".{path.name}-{os.getpid()}")
    made.write_text(text, encoding="utf-8")
    made.replace(path)
