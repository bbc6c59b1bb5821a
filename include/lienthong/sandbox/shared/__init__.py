"""The 25 shared databases of the province and its service points to practise on, kept as their keepers keep them.

``DATASETS`` and ``FAULTS`` name them all; ``databases`` puts days of them into their stores. Every person, company
and number in them is invented.
"""

from __future__ import annotations

from lienthong.sandbox.shared import field_and_catalogues, people_and_land, service_points, works_and_welfare
from lienthong.sandbox.shared.model import Dataset, Fault

DATASETS: tuple[Dataset, ...] = (
    *people_and_land.DATASETS,
    *works_and_welfare.DATASETS,
    *field_and_catalogues.DATASETS,
    *service_points.DATASETS,
)
FAULTS: tuple[Fault, ...] = (*people_and_land.FAULTS, *works_and_welfare.FAULTS, *field_and_catalogues.FAULTS)
