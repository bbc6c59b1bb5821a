"""Lets a source misbehave on request and takes it back: down, slow, other columns, rows gone.

Each function changes one source, is undone by ``restore`` and shows in ``<var>/sandbox/trouble.json``. New days go on
arriving in a source that is in trouble, unseen where it hides them.

    python -m lienthong.sandbox.trouble down H15.131
    python -m lienthong.sandbox.trouble rename H15.102 trang_thai ma_trang_thai
    python -m lienthong.sandbox.trouble restore H15.131
    python -m lienthong.sandbox.trouble mend H15.131
    python -m lienthong.sandbox.trouble down csdl_thua_dat
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lienthong.errors import NeedsPerson
from lienthong.sandbox.columns import TABLES, Table
from lienthong.sandbox.faces import Face, show_drops, show_postgres, show_sqlite
from lienthong.sandbox.shared.outage import set_down
from lienthong.sandbox.stores import replace_file
from lienthong.sandbox.switch import Switch, set_switch
from lienthong.sandbox.units import Unit, unit
from lienthong.settings import Settings

if TYPE_CHECKING:
    from lienthong.sandbox.province import Province

SHARED = "csdl_"
"""How the connections of shared databases begin: these can be down, and nothing else."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """Everything that is wrong with one source at the moment."""

    down: bool = False
    slow: float = 0.0
    faces: dict[str, Face] = field(default_factory=dict)

    def face(self, table: Table) -> Face:
        """What is changed about one dataset."""
        return self.faces.get(table.name, Face())


def active(province: Province) -> dict[str, Trouble]:
    """The sources in trouble, by unit code; shared databases by their connection."""
    path = _file(province)
    if not path.exists():
        return {}
    found = json.loads(path.read_text(encoding="utf-8"))
    return {code: _read(entry) for code, entry in found.items()}


def down(province: Province, code: str) -> None:
    """The source, a unit's or a shared database (``csdl_thua_dat``), does not answer until it is restored."""
    if code.startswith(SHARED):
        set_down(province.shared, code, down=True)
        _remember(province, code, Trouble(down=True))
    else:
        _change(province, code, down=True)


def slow(province: Province, code: str, seconds: float) -> None:
    """Every reading waits ``seconds``: a PostgreSQL source or the REST service."""
    one = unit(code)
    if one.store not in ("postgres", "rest"):
        raise NeedsPerson(f"Source {one.code} is a file ({one.store}) and cannot be slow. Choose another unit.")
    _change(province, code, slow=seconds)


def drop_column(province: Province, code: str, column: str, dataset: str = "ho_so") -> None:
    """A column is gone."""
    _known(dataset, column)
    _face(province, code, dataset, lambda face: replace(face, dropped=(*face.dropped, column)))


def rename_column(province: Province, code: str, column: str, to: str, dataset: str = "ho_so") -> None:
    """A column bears another name."""
    _known(dataset, column)
    _face(province, code, dataset, lambda face: replace(face, renamed={**face.renamed, column: to}))


def retype_column(province: Province, code: str, column: str, dataset: str = "ho_so") -> None:
    """A time comes as ``30/09/2025 08:15``, a number as words."""
    if _known(dataset, column) == "text":
        raise NeedsPerson(f"Column {column} of {dataset} is text already. Choose a time or a number.")
    _face(province, code, dataset, lambda face: replace(face, retyped=(*face.retyped, column)))


def add_column(province: Province, code: str, column: str, dataset: str = "ho_so") -> None:
    """There is a column that nobody announced; it is empty."""
    _face(province, code, dataset, lambda face: replace(face, added=(*face.added, column)))


def delete_rows(province: Province, code: str, keys: Sequence[str], dataset: str = "ho_so") -> None:
    """The rows of these dossier codes are gone."""
    _face(province, code, dataset, lambda face: replace(face, hidden=(*face.hidden, *keys)))


def mend(province: Province, code: str, on: str | None = None) -> None:
    """The unit corrects everything of its that was rejected: the right rows come with the next day that is made."""
    try:
        day = date.fromisoformat(on) if on else None
    except ValueError:
        raise NeedsPerson(f"The day must be written as 2025-10-01; it is {on!r}.") from None
    came = province.correct(code, day)
    sys.stdout.write(f"{unit(code).code} corrects its rows; they come with {came}.\n")


def restore(province: Province, code: str) -> None:
    """The source is as it should be, with all that arrived meanwhile; nothing to do is no error."""
    if code.startswith(SHARED):
        set_down(province.shared, code, down=False)
        _remember(province, code, None)
        return
    one = unit(code)
    _apply(province, one, Trouble())
    _remember(province, one.code, None)


def refresh(province: Province) -> None:
    """Let new days show through the faces of drops; tables and services need no help."""
    units = [(unit(code), trouble) for code, trouble in active(province).items() if not code.startswith(SHARED)]
    for one, trouble in units:
        if one.store in ("csv", "excel"):
            _apply(province, one, trouble)


def _face(province: Province, code: str, dataset: str, change: Callable[[Face], Face]) -> None:
    table, one = _table(dataset), unit(code)
    before = active(province).get(one.code, Trouble())
    _change(province, code, faces={**before.faces, dataset: change(before.face(table))})


def _change(province: Province, code: str, **change: Any) -> None:
    one = unit(code)
    trouble = replace(active(province).get(one.code, Trouble()), **change)
    _apply(province, one, trouble)
    _remember(province, one.code, trouble)


def _apply(province: Province, one: Unit, trouble: Trouble) -> None:
    faces = {table.name: trouble.face(table) for table in TABLES}
    if one.store == "postgres":
        province.postgres.write([])  # the tables and the role are there, made or not
        slowed = {name: replace(face, seconds=trouble.slow) for name, face in faces.items()}
        show_postgres(province.postgres, one, slowed, down=trouble.down)
    elif one.store in ("csv", "excel"):
        province.drops.write([])
        show_drops(province.drops, one, faces, down=trouble.down)
    else:
        province.sqlite.write([])
        show_sqlite(province.sqlite, one, faces, down=trouble.down and one.store == "sqlite")
        if one.store == "rest":
            set_switch(province.sqlite.path(one), Switch(trouble.down, trouble.slow))


def _table(dataset: str) -> Table:
    for table in TABLES:
        if table.name == dataset:
            return table
    raise NeedsPerson(f"Dataset {dataset!r}: expected one of {', '.join(table.name for table in TABLES)}.")


def _known(dataset: str, column: str) -> str:
    """The kind of a column that there is."""
    columns = _table(dataset).columns
    if column not in columns:
        raise NeedsPerson(f"Column {column!r} is not in {dataset}: expected one of {', '.join(columns)}.")
    return columns[column]


def _file(province: Province) -> Path:
    return province.folder / "trouble.json"


def _remember(province: Province, source: str, trouble: Trouble | None) -> None:
    entries = {code: asdict(entry) for code, entry in active(province).items() if code != source}
    if trouble is not None:
        entries[source] = asdict(trouble)
    province.folder.mkdir(parents=True, exist_ok=True)
    replace_file(_file(province), json.dumps(entries, ensure_ascii=False, indent=1, sort_keys=True).encode())


def _read(entry: dict[str, Any]) -> Trouble:
    faces = {name: Face(**{**face, **_tuples(face)}) for name, face in entry["faces"].items()}
    return Trouble(down=entry["down"], slow=entry["slow"], faces=faces)


def _tuples(face: dict[str, Any]) -> dict[str, Any]:
    return {name: tuple(value) for name, value in face.items() if isinstance(value, list)}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; say in one line what cannot be done."""
    parser = argparse.ArgumentParser(prog="python -m lienthong.sandbox.trouble", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--var", type=Path, default=None, help="folder of the installation (default: LIENTHONG_VAR)")
    commands = parser.add_subparsers(dest="command", required=True)
    for name, parts in _COMMANDS.items():
        command = commands.add_parser(name)
        for part in parts:
            command.add_argument(part, **_ARGUMENTS.get(part, {}))
    given = vars(parser.parse_args(arguments))
    from lienthong.sandbox.province import Province  # it imports this module

    name, var = given.pop("command"), given.pop("var") or Settings.from_env().var
    given = {part.replace("-", "_"): value for part, value in given.items()}
    try:
        province = Province.at(var)
        if name == "list":
            for code, trouble in sorted(active(province).items()):
                sys.stdout.write(f"{code}: {json.dumps(asdict(trouble), ensure_ascii=False)}\n")
        else:
            _FUNCTIONS[name](province, **given)
    except NeedsPerson as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


_ARGUMENTS: dict[str, dict[str, Any]] = {
    "seconds": {"type": float}, "keys": {"nargs": "+"}, "--dataset": {"default": "ho_so"},
}  # fmt: skip
_COMMANDS: dict[str, tuple[str, ...]] = {
    "list": (), "down": ("code",), "restore": ("code",), "slow": ("code", "seconds"),
    "drop": ("code", "column", "--dataset"), "rename": ("code", "column", "to", "--dataset"),
    "retype": ("code", "column", "--dataset"), "add": ("code", "column", "--dataset"),
    "delete": ("code", "keys", "--dataset"), "mend": ("code", "--on"),
}  # fmt: skip
_FUNCTIONS: dict[str, Callable[..., None]] = {
    "down": down, "restore": restore, "slow": slow, "drop": drop_column, "rename": rename_column,
    "retype": retype_column, "add": add_column, "delete": delete_rows, "mend": mend,
}  # fmt: skip

if __name__ == "__main__":
    raise SystemExit(main())
