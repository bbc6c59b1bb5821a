"""The steps of a start that need more than the supervisor itself: the warehouse's schema and the sandbox's province.

    python -m lienthong.services.prepare warehouse
    python -m lienthong.services.prepare sandbox

Each does nothing when its work is done already, and ends with one sentence when it cannot do it.
"""

from __future__ import annotations

import sys

from lienthong.connections import from_environment
from lienthong.errors import LienThongError
from lienthong.services.folders import Folders


def warehouse() -> str:
    """Bring the warehouse to the present schema."""
    from lienthong.contracts import load_all
    from lienthong.warehouse.migrations import migrate
    from lienthong.warehouse.store import Warehouse

    folders = Folders.from_env()
    contracts = load_all(folders.home / "expectations")
    applied = migrate(Warehouse(from_environment("warehouse"), folders.home), contracts.values())
    return f"applied {', '.join(applied)}" if applied else "the schema is up to date"


def sandbox() -> str:
    """Lay out the province: its units' schemas and folders, and the connections that lead to them."""
    from lienthong.services.playground import playground

    place = playground(Folders.from_env())
    place.province.write_connections()
    return place.notice


STEPS = {"warehouse": warehouse, "sandbox": sandbox}


def main() -> int:
    """Do the step that the command line names."""
    try:
        print(STEPS[sys.argv[1]]())  # noqa: T201 - the step's log
    except LienThongError as error:
        print(error)  # noqa: T201 - the supervisor repeats the last line
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
