"""One day in a process of its own, so that it can be killed: every dataset, then the portal. No Airflow."""

import sys
from datetime import date

from lienthong.batches import Window
from lienthong.connections import from_environment
from lienthong.settings import Settings
from lienthong.steps import Pipeline


def main(days):
    pipeline = Pipeline.of(Settings.from_env(), from_environment)
    for day in days:
        for dataset in pipeline.contracts:
            pipeline.run(dataset, Window.of_day(date.fromisoformat(day)))
        pipeline.publish("national_portal")


if __name__ == "__main__":
    main(sys.argv[1:])
