"""A reconciliation in a process of its own, to be killed: warehouse and endpoint connection as two arguments."""

import ast
import sys

from lienthong.connections import Connection
from lienthong.endpoints import ENDPOINTS
from lienthong.reconcile import reconcile
from lienthong.settings import ROOT
from lienthong.warehouse import Warehouse
from tests.endpoints.world import bound_to


def main() -> None:
    warehouse, connection = (Connection(**ast.literal_eval(text)) for text in sys.argv[1:3])
    contracts = bound_to(connection.name)
    endpoint = ENDPOINTS[connection.name](connection, "H15", contracts)
    reconcile(Warehouse(warehouse, ROOT), endpoint, connection, contracts)


if __name__ == "__main__":
    main()
