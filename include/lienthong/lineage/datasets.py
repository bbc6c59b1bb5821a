"""Our datasets in the terms of OpenLineage: names without secrets, schemas and counts from contract and ledger.

Imported only where lineage is switched on: the client takes a moment to import. The names follow the naming of the
standard: where a system is, then what it is called there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from urllib.parse import urlsplit

from openlineage.client.event_v2 import InputDataset, OutputDataset
from openlineage.client.facet_v2 import (
    DatasetFacet,
    data_quality_assertions_dataset,
    data_quality_metrics_dataset,
    dataset_type_dataset,
    dataset_version_dataset,
    documentation_dataset,
    input_statistics_input_dataset,
    output_statistics_output_dataset,
    ownership_dataset,
    schema_dataset,
    tags_dataset,
)

from lienthong.connections import Connection, Lookup
from lienthong.contracts import Column, Contract
from lienthong.errors import LienThongError
from lienthong.lineage.facts import RunFacts

UNKNOWN = "lienthong"
"""The namespace of a source whose connection is missing."""
SEVERITIES = {"block": "error", "quarantine": "error", "warn": "warn"}
SOURCE = "CONTRACT"


def sources(contract: Contract, landed: Mapping[str, int], lookup: Lookup) -> list[InputDataset]:
    """Every source that gave rows, with their number."""
    found = []
    for source, rows in landed.items():
        name = contract.source.name_for(source) if contract.source.for_each else source
        counted = input_statistics_input_dataset.InputStatisticsInputDatasetFacet(rowCount=rows)
        where, what = _namespace(name, lookup), f"{source}.{contract.dataset}"
        found.append(InputDataset(where, what, inputFacets={"inputStatistics": counted}))
    return found


def judged(contract: Contract, facts: RunFacts, warehouse: Connection) -> InputDataset:
    """What was landed, with each rule's finding about it."""
    columns = {rule.id: rule.columns for rule in contract.rules}
    assertions = [
        data_quality_assertions_dataset.Assertion(
            assertion=fact.rule,
            success=not fact.failing,
            column=columns[fact.rule][0] if len(columns.get(fact.rule, ())) == 1 else None,
            severity=SEVERITIES[fact.severity],
            name=fact.rule,
            expected="0",
            actual=str(fact.failing),
            params={"checked": fact.checked, "consequence": fact.severity},
        )
        for fact in facts.rules
    ]
    return InputDataset(
        _postgres(warehouse),
        f"{warehouse.schema}.landing.{contract.dataset}",
        facets={
            "dataQualityMetrics": data_quality_metrics_dataset.DataQualityMetricsDatasetFacet(
                columnMetrics={}, rowCount=sum(facts.landed.values())
            )
        },
        inputFacets={
            "dataQualityAssertions": data_quality_assertions_dataset.DataQualityAssertionsDatasetFacet(assertions)
        },
    )


def landing(contract: Contract, warehouse: Connection) -> InputDataset:
    """What was landed, by its name only."""
    return InputDataset(_postgres(warehouse), f"{warehouse.schema}.landing.{contract.dataset}")


def landed(contract: Contract, warehouse: Connection) -> OutputDataset:
    """What was landed, as what the extract step writes."""
    return OutputDataset(_postgres(warehouse), f"{warehouse.schema}.landing.{contract.dataset}")


def promoted(contract: Contract, facts: RunFacts, warehouse: Connection) -> OutputDataset:
    """The dataset in ``core``, whose version is the run that changed it last."""
    counted = output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet(
        rowCount=facts.inserted + facts.updated + facts.deleted
    )
    version = dataset_version_dataset.DatasetVersionDatasetFacet(datasetVersion=str(facts.run_id))
    return OutputDataset(
        _postgres(warehouse),
        _core(contract, warehouse),
        facets={**_told(contract), "version": version},
        outputFacets={"outputStatistics": counted},
    )


def fed_by(contracts: Iterable[Contract], warehouse: Connection) -> list[InputDataset]:
    """The datasets in ``core`` that a receiver is fed by."""
    return [InputDataset(_postgres(warehouse), _core(c, warehouse), facets=_told(c)) for c in contracts]


def receiver(endpoint: str, accepted: int, lookup: Lookup) -> OutputDataset:
    """What a receiver holds of ours, with the number of records that it accepted now."""
    counted = output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet(rowCount=accepted)
    return OutputDataset(_namespace(endpoint, lookup), endpoint, outputFacets={"outputStatistics": counted})


def _told(contract: Contract) -> dict[str, DatasetFacet]:
    """What the contract says of a dataset."""
    fields = [
        schema_dataset.SchemaDatasetFacetFields(
            name=column.name, type=column.sql_type, description=_described(column), ordinal_position=number
        )
        for number, column in enumerate(contract.columns, start=1)
    ]
    classes = [
        tags_dataset.TagsDatasetFacetFields("classification", column.classification, SOURCE, column.name)
        for column in contract.columns
    ]
    text = f"{contract.title}. {contract.purpose}".strip()
    return {
        "schema": schema_dataset.SchemaDatasetFacet(fields=fields),
        "tags": tags_dataset.TagsDatasetFacet(tags=classes),
        "ownership": ownership_dataset.OwnershipDatasetFacet([ownership_dataset.Owner(contract.owner, "DATA_OWNER")]),
        "documentation": documentation_dataset.DocumentationDatasetFacet(text, "text/plain"),
        "datasetType": dataset_type_dataset.DatasetTypeDatasetFacet("TABLE"),
    }


def _described(column: Column) -> str:
    return f"{column.title} ({column.classification})" if column.personal else column.title


def _core(contract: Contract, warehouse: Connection) -> str:
    return f"{warehouse.schema}.core.{contract.dataset}"


def _postgres(connection: Connection) -> str:
    host = connection.host if connection.host and not connection.host.startswith("/") else "localhost"
    return f"postgres://{host}:{connection.port or 5432}"


def _namespace(name: str, lookup: Lookup) -> str:
    """Where a connection leads: kind, host and port; neither account nor path, which may hold a secret."""
    try:
        found = lookup(name)
    except LienThongError:
        return UNKNOWN
    if found.kind == "postgres":
        return _postgres(found)
    if "://" in found.host:
        parts = urlsplit(found.host)
        kind, host, port = parts.scheme, parts.hostname or "localhost", parts.port or found.port
    else:
        kind, port = found.kind, found.port
        host = "localhost" if not found.host or "/" in found.host else found.host.rpartition("@")[2]
    return f"{kind}://{host}:{port}" if port else f"{kind}://{host}"
