"""The suites as Great Expectations keeps them itself: a project that its own tools open, the same bytes every time.

It is for looking, and for trying a rule by hand. The contracts stay the source: what is changed in an exported
project changes nothing here and is gone with the next export.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from lienthong.batches import Window
from lienthong.contracts import Contract
from lienthong.errors import NeedsPerson
from lienthong.quality.compilation import expectations
from lienthong.quality.whole import whole

# Names in this space give the same id on every machine.
SPACE = uuid5(NAMESPACE_URL, "lienthong:expectations")
MADE_HERE = "# Written by `lienthong expectations export` from the contracts; the next export replaces it."

# Great Expectations' own layout, without a data source (a connection holds a password) and without Data Docs (theirs
# load from seven hosts; ours are made by `lienthong expectations docs`).
PROJECT = f"""{MADE_HERE}
config_version: 4.0
data_context_id: {uuid5(SPACE, "project")}
analytics_enabled: false
config_variables_file_path: uncommitted/config_variables.yml
plugins_directory: plugins/
expectations_store_name: expectations_store
validation_results_store_name: validation_results_store
checkpoint_store_name: checkpoint_store
stores:
  expectations_store:
    class_name: ExpectationsStore
    store_backend: {{class_name: TupleFilesystemStoreBackend, base_directory: expectations/}}
  validation_results_store:
    class_name: ValidationResultsStore
    store_backend: {{class_name: TupleFilesystemStoreBackend, base_directory: uncommitted/validations/}}
  validation_definition_store:
    class_name: ValidationDefinitionStore
    store_backend: {{class_name: TupleFilesystemStoreBackend, base_directory: validation_definitions/}}
  checkpoint_store:
    class_name: CheckpointStore
    store_backend:
      class_name: TupleFilesystemStoreBackend
      suppress_store_backend_id: true
      base_directory: checkpoints/
data_docs_sites: {{}}
fluent_datasources: {{}}
"""


def write(contracts: Iterable[Contract], folder: Path, day: date) -> list[Path]:
    """Write ``<folder>/gx``, which ``gx.get_context(mode="file", project_root_dir=folder)`` opens; gives the suites.

    One suite per contract, one expectation per rule, in the contract's order. Some rules speak about their window
    (nothing lies in the future, as many rows as in the windows before): ``day`` is the window meant. Rules that
    compare with earlier windows are written as for a source that has none."""
    target = folder / "gx"
    _must_be_ours(target)
    written = []
    with whole(target) as fresh:
        (fresh / "great_expectations.yml").write_text(PROJECT, encoding="utf-8")
        (fresh / ".gitignore").write_text("uncommitted/\n", encoding="utf-8")
        (fresh / "expectations").mkdir()
        for contract in contracts:
            suite = json.dumps(_suite(contract, Window.of_day(day)), ensure_ascii=False, indent=2, sort_keys=True)
            (fresh / "expectations" / f"{contract.dataset}.json").write_text(f"{suite}\n", encoding="utf-8")
            written.append(target / "expectations" / f"{contract.dataset}.json")
    return written


def _must_be_ours(target: Path) -> None:
    """Somebody's own project is not replaced. Great Expectations keeps comments when it writes to ours."""
    project = target / "great_expectations.yml"
    if target.exists() and not (project.is_file() and MADE_HERE in project.read_text(encoding="utf-8")):
        raise NeedsPerson(
            f"{target} exists and was not written by this command. Choose another folder with --to, or remove it."
        )


def _suite(contract: Contract, window: Window) -> dict[str, Any]:
    os.environ.setdefault("GX_ANALYTICS_ENABLED", "False")
    return {
        "name": contract.dataset,
        "id": str(uuid5(SPACE, contract.dataset)),
        "notes": contract.title,
        "meta": {"contract": contract.dataset, "version": contract.version, "window": str(window)},
        "expectations": [
            _expectation(contract, expectation.configuration.to_json_dict())
            for expectation in expectations(contract, window)
        ],
    }


def _expectation(contract: Contract, told: dict[str, Any]) -> dict[str, Any]:
    meta = told["meta"]
    return {
        **{name: told[name] for name in ("type", "kwargs", "meta", "severity")},
        "id": str(uuid5(SPACE, f"{contract.dataset}.{meta['rule']}")),
        "notes": meta["sentence"],
    }
