"""A full export is whole or not there: written beside, renamed, and only then told of by its manifest.

Both formats are written in one pass over one state of the dataset, by a cursor of the server, so that memory stays
flat however large it is. Personal columns are there and empty, sensitive ones are not there.
"""

from __future__ import annotations

import csv
import hashlib
import logging
import os
import re
import shutil
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from psycopg import sql

from lienthong.contracts import Contract
from lienthong.crashpoints import crashpoint
from lienthong.errors import LienThongError, NeedsPerson, TryAgain
from lienthong.share import dcat, shelf
from lienthong.share.shape import SHOWN, Shape
from lienthong.share.shelf import CEILING, File, Manifest
from lienthong.warehouse import versions
from lienthong.warehouse.statements import statement
from lienthong.warehouse.store import Session, Warehouse

if TYPE_CHECKING:
    import pyarrow as pa

log = logging.getLogger("lienthong")

EXPORT_DAYS = 30
CATALOGUE = "catalogue.jsonld"
ROWS_AT_ONCE = 10_000
_PARTIAL = ".part"
_MEDIA = {"parquet": "application/vnd.apache.parquet", "csv": "text/csv"}
# With one of these a spreadsheet program takes a text for a formula, whatever invisible letters stand before it.
_ACTING = ("=", "+", "-", "@", "＝", "＋", "－", "＠")
_INVISIBLE = "ZCM"  # categories of Unicode: blanks, controls and formats, marks
_FILLERS = "\u115f\u1160\u2800\u3164\uffa0"  # and letters by name that show nothing
# Where the machine's separator is another one than the comma, a cell may begin behind each of these, quoted or not.
_SEPARATORS = re.compile(r"([;\t\r\n])")


@dataclass(frozen=True, slots=True)
class Exported:
    """What one round did: exports written and left as they were, and those that were removed; names of datasets that
    are not exported because too little of them may be shown, or because nothing was promoted yet."""

    written: tuple[str, ...]
    unchanged: int
    removed: int
    withheld: tuple[str, ...]
    empty: tuple[str, ...]


def export_all(
    warehouse: Warehouse, contracts: Iterable[Contract], folder: Path, *, agency: str, days: int = EXPORT_DAYS
) -> Exported:
    """Export every dataset that changed since its last export; a dataset that fails costs only itself."""
    written, withheld, empty, troubles = [], [], [], []
    unchanged = removed = 0
    chosen = list(contracts)
    with warehouse.alone("exports"):
        folder.mkdir(parents=True, exist_ok=True)
        for contract in chosen:
            shown = Shape(contract, CEILING).open
            try:
                made = export(warehouse, contract, folder) if shown else None
                removed += clean(folder, contract, days)
            except Exception as error:
                troubles.append(_told(contract.dataset, error))
                log.error("%s: %s", contract.dataset, troubles[-1])
                continue
            if not shown:
                withheld.append(contract.dataset)
            elif made is None:
                empty.append(contract.dataset)
            elif made:
                written.append(contract.dataset)
            else:
                unchanged += 1
        removed += _clean_unknown(folder, {contract.dataset for contract in chosen})
        write_catalogue(folder, chosen, agency)
    if troubles:
        kind = NeedsPerson if any(isinstance(error, NeedsPerson) for error in troubles) else TryAgain
        raise kind(f"{len(troubles)} exports failed, the others are done. " + " ".join(map(str, troubles)))
    return Exported(tuple(written), unchanged, removed, tuple(withheld), tuple(empty))


def _told(dataset: str, error: Exception) -> LienThongError:
    """An error as it may be told: what others write into theirs could be a value of a row."""
    if isinstance(error, LienThongError):
        return error
    if isinstance(error, OSError):
        found = os.strerror(error.errno) if error.errno else type(error).__name__
        return TryAgain(f"{dataset}: the export cannot be written ({found}). Whoever runs this machine can mend it.")
    return NeedsPerson(
        f"{dataset}: expected rows that can be written as the contract types them, found {type(error).__name__}. "
        "The data team can mend the contract or the program."
    )


def export(warehouse: Warehouse, contract: Contract, folder: Path) -> bool | None:
    """Write the export of the dataset's version: True when it was written, False when it lay there already, None when
    nothing was promoted yet."""
    shape = Shape(contract, CEILING)
    with warehouse.session() as session:
        session.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        version = versions.current(session, contract.dataset)
        if version.changed_at is None:
            return None
        for manifest in shelf.manifests(folder, contract.dataset):
            same = (manifest.version, manifest.digest) == (version.number, shape.digest)
            if same and shelf.whole(folder, manifest):
                return False
        place = folder / contract.dataset
        place.mkdir(exist_ok=True)
        for left in place.glob(f"*{_PARTIAL}"):
            left.unlink()
        stem = shelf.stem(contract.dataset, version.number, shape.digest)
        paths = {ending: place / f"{stem}.{ending}" for ending in _MEDIA}
        rows = _write(warehouse, session, shape, version.number, paths)
    crashpoint("export.before_rename", contract.dataset)
    files = tuple(_settle(path, _MEDIA[ending]) for ending, path in paths.items())
    manifest = Manifest(
        contract.dataset, version.number, version.changed_at, datetime.now(UTC), shape.digest, shape.classification,
        rows, shape.masked, files,
    )  # fmt: skip
    _put(place / manifest.name, manifest.text())
    log.info("%s: version %s exported, %s rows", contract.dataset, version.number, rows)
    return True


def _write(warehouse: Warehouse, session: Session, shape: Shape, version: int, paths: Mapping[str, Path]) -> int:
    import pyarrow.parquet as pq

    query = statement(
        warehouse.home, "share/export",
        core=sql.Identifier("core", shape.contract.dataset), columns=shape.texts() + shape.numbers(),
    )  # fmt: skip
    schema = _schema(shape, version)
    rows = 0
    with ExitStack() as stack:
        parquet = stack.enter_context(pq.ParquetWriter(_beside(paths["parquet"]), schema, compression="zstd"))
        text: IO[str] = stack.enter_context(_beside(paths["csv"]).open("w", encoding="utf-8-sig", newline=""))
        lines = csv.writer(text, lineterminator="\r\n", quoting=csv.QUOTE_ALL)
        lines.writerow([column.name for column in shape.columns])
        cursor = stack.enter_context(session.cursor(name="lienthong_export"))
        cursor.itersize = ROWS_AT_ONCE
        cursor.execute(query)
        for batch in _batches(cursor):
            parquet.write_batch(_record_batch(shape, schema, batch))
            lines.writerows([_cell(row[column.name]) for column in shape.columns] for row in batch)
            rows += len(batch)
    return rows


def _batches(cursor: Any) -> Iterator[list[dict[str, Any]]]:
    while batch := cursor.fetchmany(ROWS_AT_ONCE):
        yield batch


def _schema(shape: Shape, version: int) -> pa.Schema:
    import pyarrow as pa

    types = {
        # What a number may hold by the reading of sources: 18 digits and 9 decimals.
        "string": pa.string(), "integer": pa.int64(), "number": pa.decimal128(27, 9), "boolean": pa.bool_(),
        "date": pa.date32(), "timestamp": pa.timestamp("ms", tz="+07:00"),
    }  # fmt: skip
    fields = []
    for column in shape.columns:
        told = {"title": column.title, "classification": column.classification, "access": shape.access(column)}
        fields.append(pa.field(column.name, types[column.type], metadata=told))
    contract = shape.contract
    head = {"dataset": contract.dataset, "version": str(version), "contract_version": contract.version}
    return pa.schema(fields, metadata=head)


def _record_batch(shape: Shape, schema: pa.Schema, batch: Sequence[Mapping[str, Any]]) -> pa.RecordBatch:
    import pyarrow as pa

    arrays = []
    for column, field in zip(shape.columns, schema, strict=True):
        if shape.access(column) != SHOWN:
            arrays.append(pa.nulls(len(batch), field.type))
        elif column.type == "date":
            arrays.append(pa.array([row[f"{column.name}#"] for row in batch], pa.int32()).cast(field.type))
        elif column.type == "timestamp":
            seconds = pa.array([row[f"{column.name}#"] for row in batch], pa.int64())
            arrays.append(seconds.cast(pa.timestamp("s", tz="+07:00")).cast(field.type))
        else:
            arrays.append(pa.array([row[column.name] for row in batch], field.type))
    return pa.record_batch(arrays, schema=schema)


def _cell(value: Any) -> str:
    """A cell that no spreadsheet program acts on; numbers and codes of ours begin with none of the acting signs."""
    if value is None:
        return ""
    if isinstance(value, str):
        return _harmless(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    return format(value, "f") if isinstance(value, Decimal) else str(value)


def _harmless(text: str) -> str:
    """The text with an apostrophe wherever a spreadsheet program could begin a formula."""
    if not any(sign in text for sign in _ACTING) and text[:1] not in ("\t", "\r", "\n"):
        return text
    parts = _SEPARATORS.split(text)
    told = "".join(f"'{part}" if _visible(part).startswith(_ACTING) else part for part in parts)
    return f"'{told}" if told[:1] in ("\t", "\r", "\n") else told


def _visible(text: str) -> str:
    """The text from its first letter on that shows."""
    for place, letter in enumerate(text):
        if unicodedata.category(letter)[0] not in _INVISIBLE and letter not in _FILLERS:
            return text[place:]
    return ""


def _beside(path: Path) -> Path:
    return path.with_name(f".{path.name}{_PARTIAL}")


def _settle(path: Path, media_type: str) -> File:
    """Put a written file in its place, after it is safe on the disk."""
    written = _beside(path)
    digest = hashlib.sha256()
    with written.open("rb") as content:
        while block := content.read(1 << 20):
            digest.update(block)
        os.fsync(content.fileno())
        size = os.fstat(content.fileno()).st_size
    written.replace(path)
    return File(path.name, media_type, size, digest.hexdigest())


def _put(path: Path, text: str) -> None:
    written = _beside(path)
    with written.open("w", encoding="utf-8") as content:
        content.write(text)
        content.flush()
        os.fsync(content.fileno())
    written.replace(path)


def clean(folder: Path, contract: Contract, days: int) -> int:
    """Remove exports older than ``days`` but the newest, at once those that show what may no longer be shown, and
    every file that no manifest tells of; gives how many exports went."""
    place = folder / contract.dataset
    if not place.is_dir():
        return 0
    shape = Shape(contract, CEILING)
    kept: list[Manifest] = []
    removed = 0
    before = datetime.now(UTC) - timedelta(days=days)
    for manifest in shelf.manifests(folder, contract.dataset):
        if shape.open and manifest.digest == shape.digest and (not kept or manifest.made_at >= before):
            kept.append(manifest)
        else:
            removed += 1
    names = {manifest.name for manifest in kept} | {file.name for manifest in kept for file in manifest.files}
    # The manifest first: a file without one is told of to nobody, a manifest without its file would be.
    for path in sorted(place.iterdir(), key=lambda path: not path.name.endswith(shelf.SUFFIX)):
        if path.name not in names:
            path.unlink()
    return removed


def _clean_unknown(folder: Path, known: set[str]) -> int:
    """Remove what was exported of datasets that no contract describes any more."""
    removed = 0
    for place in folder.iterdir():
        if place.is_dir() and place.name not in known:
            shutil.rmtree(place)
            removed += 1
    return removed


def newest(folder: Path, contracts: Iterable[Contract]) -> Iterator[tuple[Contract, Manifest]]:
    """Of each dataset the newest export that shows no more than the contract allows now."""
    for contract in contracts:
        if (found := next(present(folder, contract), None)) is not None:
            yield contract, found


def present(folder: Path, contract: Contract) -> Iterator[Manifest]:
    """The exports of a dataset that may be given out, the newest first."""
    shape = Shape(contract, CEILING)
    for manifest in shelf.manifests(folder, contract.dataset):
        if shape.open and manifest.digest == shape.digest and shelf.whole(folder, manifest):
            yield manifest


def write_catalogue(folder: Path, contracts: Iterable[Contract], agency: str) -> None:
    """Write the catalogue of what lies in the folder, with addresses relative to itself."""
    import json

    told = dcat.catalogue(newest(folder, contracts), lambda dataset, file: f"{dataset}/{file}", agency=agency)
    _put(folder / CATALOGUE, json.dumps(told, ensure_ascii=False, indent=1))
