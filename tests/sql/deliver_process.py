"""A mailer in a process of its own, to be killed: the warehouse's and the mail server's connections as arguments."""

import ast
import sys

from lienthong.alerts.deliver import deliver
from lienthong.connections import Connection
from lienthong.settings import ROOT, Settings
from lienthong.warehouse import Warehouse


def main() -> None:
    warehouse, mail = (Connection(**ast.literal_eval(text)) for text in sys.argv[1:3])
    deliver(Warehouse(warehouse, ROOT), lambda _: mail, Settings.from_env({"LIENTHONG_HOME": str(ROOT)}))


if __name__ == "__main__":
    main()
