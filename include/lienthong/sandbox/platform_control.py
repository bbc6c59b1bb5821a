"""Lets the other side of the shared platform change what it holds: codes end, records are changed or removed.

The platform of the installation sees it with its next answer, and may run or not. ``restore`` takes an edit back.

    python -m lienthong.sandbox.platform_control end don_vi_hanh_chinh 24211 --successor 24121 --on 2025-09-30
    python -m lienthong.sandbox.platform_control change ho_ngheo HN-000123 ket_qua="hộ cận nghèo"
    python -m lienthong.sandbox.platform_control remove ho_gia_dinh H-000042
    python -m lienthong.sandbox.platform_control restore ho_gia_dinh H-000042
    python -m lienthong.sandbox.platform_control show
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from lienthong.errors import NeedsPerson
from lienthong.sandbox.platform_edits import Edits, editing
from lienthong.settings import Settings


def data_folder(var: Path) -> Path:
    """Where the platform of the installation in ``var`` keeps what it accepted."""
    return var / "sandbox" / "platform"


def national_file(var: Path) -> Path:
    """Where the nation's tables of the installation in ``var`` are."""
    return data_folder(var) / "national.sqlite"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; say in one line what cannot be done."""
    given = _parser().parse_args(arguments)
    var = given.var or Settings.from_env().var
    try:
        with editing(data_folder(var), national_file(var)) as edits:
            _run(edits, given)
    except NeedsPerson as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m lienthong.sandbox.platform_control", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--var", type=Path, default=None, help="folder of the installation (default: LIENTHONG_VAR)")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("show", help="what was pushed and what is edited")
    for name in ("end", "change", "remove", "restore"):
        command = commands.add_parser(name)
        command.add_argument("dataset")
        command.add_argument("khoa", help="key of the record; of several columns: their values joined by |")
        if name == "end":
            command.add_argument("--successor", default="", help="code that takes its place")
            command.add_argument("--on", required=True, help="first day on which it is no longer good, as 2025-10-01")
        if name == "change":
            command.add_argument("columns", nargs="+", metavar="column=value")
    return parser


def _run(edits: Edits, given: argparse.Namespace) -> None:
    match given.command:
        case "end":
            edits.end(given.dataset, given.khoa, given.successor, given.on)
        case "change":
            edits.change(given.dataset, given.khoa, dict(_column(text) for text in given.columns))
        case "remove":
            edits.remove(given.dataset, given.khoa)
        case "restore":
            edits.restore(given.dataset, given.khoa)
    for dataset, (held, deleted) in edits.pushed().items():
        sys.stdout.write(f"{dataset}: {held} records pushed, {deleted} deleted\n")
    for dataset, found in edits.all().items():
        for khoa, columns in sorted(found.items()):
            words = "removed" if columns is None else json.dumps(columns, ensure_ascii=False)
            sys.stdout.write(f"{dataset} {khoa}: {words}\n")


def _column(text: str) -> tuple[str, str]:
    name, sign, value = text.partition("=")
    if not sign:
        raise NeedsPerson(f"Expected column=value; found {text!r} without a sign of equality.")
    return name, value


if __name__ == "__main__":
    raise SystemExit(main())
