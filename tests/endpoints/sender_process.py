"""A sender in a process of its own, to be killed: warehouse and endpoint connection as two arguments."""

import ast
import sys

from lienthong.connections import Connection
from lienthong.endpoints import ENDPOINTS
from lienthong.publishing import publish
from lienthong.settings import ROOT
from lienthong.warehouse import Warehouse
from tests.endpoints.world import bound_to


def main() -> None:
    warehouse, endpoint = (Connection(**ast.literal_eval(text)) for text in sys.argv[1:3])
    publish(Warehouse(warehouse, ROOT), ENDPOINTS[endpoint.name](endpoint, "H15", bound_to(endpoint.name)))


if __name__ == "__main__":
    main()
