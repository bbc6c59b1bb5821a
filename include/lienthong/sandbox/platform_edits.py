"""The other side changes what it holds: a code ends, a record is changed or removed. Each edit is durable at once.

An edit lies over the record in every answer from then on, whatever days the nation's file goes through. Of a dataset
that was pushed, a newer version ends it: whoever wrote last is right.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import date
from pathlib import Path

from lienthong.errors import NeedsPerson
from lienthong.sandbox.platform_shelf import Shelf
from lienthong.sandbox.platform_store import PlatformStore, Record

END, SUCCESSOR = "hieu_luc_den", "ma_thay_the"


class Edits:
    """Changes records of one platform."""

    def __init__(self, store: PlatformStore, shelf: Shelf) -> None:
        self._store = store
        self._shelf = shelf

    def end(self, dataset: str, code: str, successor: str, on: str) -> None:
        """Let a code end with a day, the last one on which it is good, and name the one that takes its place."""
        try:
            date.fromisoformat(on)
        except ValueError:
            raise NeedsPerson(f"The day must be written as 2025-09-30; it is {on!r}.") from None
        with self._store.transaction():
            record = self._record(dataset, code)
            if END not in record or SUCCESSOR not in record:
                raise NeedsPerson(f"Codes of {dataset!r} do not end: expected the columns {END} and {SUCCESSOR} in it.")
            if successor and (successor == code or successor not in self._shelf.dataset(dataset).records):
                raise NeedsPerson(
                    f"Successor: expected another code of {dataset!r} that there is; found {successor!r}."
                )
            self._lay(dataset, code, {END: on, SUCCESSOR: successor})

    def change(self, dataset: str, khoa: str, columns: Mapping[str, object]) -> None:
        """Give columns of a record other values; what was changed before stays changed."""
        with self._store.transaction():
            record = self._record(dataset, khoa)
            unknown = sorted(set(columns) - set(record))
            if unknown or not columns:
                found = ", ".join(unknown) or "none"
                raise NeedsPerson(f"Dataset {dataset!r}: expected columns out of {', '.join(record)}; found {found}.")
            self._lay(dataset, khoa, columns)

    def remove(self, dataset: str, khoa: str) -> None:
        """Serve a record no longer."""
        with self._store.transaction():
            self._record(dataset, khoa)
            self._store.edit(dataset, khoa, None)

    def restore(self, dataset: str, khoa: str) -> None:
        """Serve a record again as it is; nothing to take back is no error."""
        with self._store.transaction():
            self._store.drop_edit(dataset, khoa)

    def all(self) -> dict[str, dict[str, Record | None]]:
        """Every edit in force, by dataset and key; None stands for a removed record."""
        return {dataset: self._store.edits(dataset) for dataset in self._store.edited()}

    def pushed(self) -> dict[str, tuple[int, int]]:
        """Records held and records deleted of each dataset that was pushed."""
        return self._store.pushed()

    def _lay(self, dataset: str, khoa: str, columns: Mapping[str, object]) -> None:
        before = self._store.edits(dataset).get(khoa) or {}
        self._store.edit(dataset, khoa, {**before, **columns})

    def _record(self, dataset: str, khoa: str) -> Record:
        record = self._shelf.dataset(dataset).records.get(khoa)
        if record is None:
            known = ", ".join(sorted({*self._shelf.names(), *self._store.pushed()})) or "none yet"
            raise NeedsPerson(
                f"Dataset {dataset!r} has no record with the key {khoa!r}. The platform serves: {known}. "
                "Look for the key in what it serves, or make a day first."
            )
        return record


@contextmanager
def editing(data: Path, national: Path) -> Iterator[Edits]:
    """The edits of the platform with this data folder, whether it runs or not: it reads them at every request."""
    if not data.is_dir():
        raise NeedsPerson(
            f"Expected the platform's folder {data}; there is none. Start the services once, or name --var."
        )
    with closing(PlatformStore(data)) as store:
        yield Edits(store, Shelf(national, store))
