"""One day in a process of its own, so that it can be killed: what the portal is told of, then the portal. No Airflow.

Actors are forked from a server that has imported the heavy libraries once, as LocalExecutor's workers are.
"""

import multiprocessing
import os
import sys
import traceback
from datetime import date

ACTORS = multiprocessing.get_context("forkserver")
ACTORS.set_forkserver_preload(["great_expectations.expectations", "pandas", "lienthong.steps"])


def play(days, environment, said):
    """Play the days; what goes wrong is written to the file ``said`` and ends the process with 1."""
    from lienthong.batches import Window
    from lienthong.connections import from_environment
    from lienthong.settings import Settings
    from lienthong.steps import Pipeline

    os.environ.clear()
    os.environ.update(environment)
    try:
        pipeline = Pipeline.of(Settings.from_env(), from_environment)
        for day in days:
            for dataset in told_to_the_portal(pipeline.contracts):
                pipeline.run(dataset, Window.of_day(date.fromisoformat(day)))
            pipeline.publish("national_portal")
    except Exception:
        with open(said, "w", encoding="utf-8") as file:  # noqa: PTH123 - the last words of a process
            traceback.print_exc(file=file)
        sys.exit(1)


def told_to_the_portal(contracts):
    """What the portal is fed with, and what that refers to, in the order of reference."""
    wanted = {name for name, contract in contracts.items() if "national_portal" in contract.endpoints}
    for name in reversed(list(contracts)):
        if name in wanted:
            wanted |= set(contracts[name].waits_for)
    return [name for name in contracts if name in wanted]


class Actor:
    """A running play."""

    def __init__(self, days, environment, said):
        self.said = said
        said.unlink(missing_ok=True)
        self.process = ACTORS.Process(target=play, args=([str(day) for day in days], environment, said))
        self.process.start()

    def end(self, timeout=120):
        """Exit code and last words, once it is over."""
        self.process.join(timeout)
        assert self.process.exitcode is not None, "the play does not end"
        words = self.said.read_text(encoding="utf-8") if self.said.exists() else ""
        return self.process.exitcode, words
