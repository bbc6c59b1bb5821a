"""Full exports as they lie in their folder: a file is told of by a manifest that was written after it, or not."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

CEILING = "internal"
"""What an export shows at most; files go from hand to hand, so personal values are in none."""
SUFFIX = ".export.json"


@dataclass(frozen=True, slots=True)
class File:
    """One file of an export."""

    name: str
    media_type: str
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """One export: the whole of a dataset at one version, in every format."""

    dataset: str
    version: int
    changed_at: datetime
    made_at: datetime
    digest: str
    classification: str
    rows: int
    masked: tuple[str, ...]
    files: tuple[File, ...]

    @property
    def name(self) -> str:
        """File name of the manifest itself."""
        return f"{stem(self.dataset, self.version, self.digest)}{SUFFIX}"

    def text(self) -> str:
        """The manifest as JSON."""
        return json.dumps(asdict(self), ensure_ascii=False, indent=1, default=datetime.isoformat)


def stem(dataset: str, version: int, digest: str) -> str:
    """How the files of an export begin: the same name is always the same content."""
    return f"{dataset}.v{version}.{digest[:8]}"


def folder_of(var: Path) -> Path:
    """Where exports lie."""
    return var / "exports"


def manifests(folder: Path, dataset: str) -> Iterator[Manifest]:
    """Every export of a dataset, the newest first; one that cannot be read is as if it were not there."""
    found = [manifest for path in (folder / dataset).glob(f"*{SUFFIX}") if (manifest := _read(path)) is not None]
    yield from sorted(found, key=lambda manifest: (manifest.version, manifest.made_at), reverse=True)


def whole(folder: Path, manifest: Manifest) -> bool:
    """Whether every file lies there in its length."""
    try:
        return all((folder / manifest.dataset / file.name).stat().st_size == file.bytes for file in manifest.files)
    except OSError:
        return False


def _read(path: Path) -> Manifest | None:
    try:
        told: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        moments = {name: datetime.fromisoformat(told[name]) for name in ("changed_at", "made_at")}
        files = tuple(File(**file) for file in told["files"])
        return Manifest(**{**told, **moments, "files": files, "masked": tuple(told["masked"])})
    except (OSError, ValueError, TypeError, KeyError):
        return None
