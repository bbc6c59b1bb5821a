"""The catalogue of full exports as DCAT-AP 3 in JSON-LD; it needs nothing from the network to be read."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from lienthong.contracts import Contract
from lienthong.share.shelf import File, Manifest

MEDIA = "application/ld+json"
_FREQUENCY = "http://publications.europa.eu/resource/authority/frequency/"
_ACCESS = "http://publications.europa.eu/resource/authority/access-right/"
_FORMATS = {"text/csv": "CSV", "application/vnd.apache.parquet": "PARQUET"}
CONTEXT = {
    "dcat": "http://www.w3.org/ns/dcat#",
    "dct": "http://purl.org/dc/terms/",
    "foaf": "http://xmlns.com/foaf/0.1/",
    "spdx": "http://spdx.org/rdf/terms#",
    "vcard": "http://www.w3.org/2006/vcard/ns#",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
}
LICENCE = "Chia sẻ giữa các cơ quan nhà nước theo Nghị định 278/2025/NĐ-CP; không công bố lại."
PUBLISHER = "Ủy ban nhân dân tỉnh Đắk Lắk"


def catalogue(
    entries: Iterable[tuple[Contract, Manifest]], address: Callable[[str, str], str], *, agency: str
) -> dict[str, Any]:
    """One catalogue over the newest export of each dataset; ``address`` gives where a file of a dataset is found,
    absolute or relative to the catalogue."""
    return {
        "@context": CONTEXT,
        "@id": f"urn:lienthong:{agency.lower()}:catalogue",
        "@type": "dcat:Catalog",
        "dct:title": _vi("Danh mục dữ liệu dùng chung của tỉnh Đắk Lắk"),
        "dct:description": _vi("Bản xuất toàn bộ của các tập dữ liệu dùng chung, cho các hệ thống của tỉnh."),
        "dct:publisher": _agent(PUBLISHER),
        "dct:language": {"@id": "http://publications.europa.eu/resource/authority/language/VIE"},
        "dct:license": _licence(),
        "dcat:dataset": [_dataset(contract, manifest, address, agency) for contract, manifest in entries],
    }


def _dataset(contract: Contract, manifest: Manifest, address: Callable[[str, str], str], agency: str) -> dict[str, Any]:
    name = f"urn:lienthong:{agency.lower()}:dataset:{contract.dataset}"
    keywords = [contract.dataset]
    if contract.shared_database is not None:
        keywords.append(f"cơ sở dữ liệu dùng chung số {contract.shared_database}")
    told = {
        "@id": name,
        "@type": "dcat:Dataset",
        "dct:identifier": contract.dataset,
        "dct:title": _vi(contract.title),
        "dct:description": _vi(contract.purpose or contract.title),
        "dct:publisher": _agent(contract.owner or PUBLISHER),
        "dct:issued": _moment(manifest.made_at.isoformat()),
        "dct:modified": _moment(manifest.changed_at.isoformat()),
        "dcat:version": str(manifest.version),
        "dct:accrualPeriodicity": {"@id": _FREQUENCY + _frequency(contract.schedule)},
        "dct:accessRights": {
            "@id": _ACCESS + ("PUBLIC" if manifest.classification == "public" else "RESTRICTED")
        },
        "dcat:keyword": [_vi(word) for word in keywords],
        "dcat:contactPoint": [
            {"@type": "vcard:Organization", "vcard:fn": contract.owner or PUBLISHER,
             "vcard:hasEmail": {"@id": f"mailto:{channel.address}"}}
            for channel in contract.support if channel.tool == "email"
        ],
        "dcat:distribution": [_distribution(name, manifest, file, address) for file in manifest.files],
    }  # fmt: skip
    return {field: value for field, value in told.items() if value != []}


def _distribution(name: str, manifest: Manifest, file: File, address: Callable[[str, str], str]) -> dict[str, Any]:
    where = {"@id": address(manifest.dataset, file.name)}
    return {
        "@id": f"{name}:{manifest.version}:{_FORMATS[file.media_type].lower()}",
        "@type": "dcat:Distribution",
        "dct:title": _vi(file.name),
        "dcat:accessURL": where,
        "dcat:downloadURL": where,
        "dcat:mediaType": {"@id": f"https://www.iana.org/assignments/media-types/{file.media_type}"},
        "dct:format": {
            "@id": f"http://publications.europa.eu/resource/authority/file-type/{_FORMATS[file.media_type]}"
        },
        "dcat:byteSize": {"@type": "xsd:nonNegativeInteger", "@value": str(file.bytes)},
        "dct:modified": _moment(manifest.changed_at.isoformat()),
        "dct:license": _licence(),
        "spdx:checksum": {
            "@type": "spdx:Checksum",
            "spdx:algorithm": {"@id": "spdx:checksumAlgorithm_sha256"},
            "spdx:checksumValue": {"@type": "xsd:hexBinary", "@value": file.sha256},
        },
    }


def _frequency(schedule: str) -> str:
    """A word of the EU's list of frequencies for a cron line; OTHER where none is right."""
    parts = schedule.split()
    if len(parts) != 5 or not parts[0].isdigit():
        return "OTHER"
    match parts[1:]:
        case ["*", "*", "*", "*"]:
            return "HOURLY"
        case [hour, "*", "*", "*"] if hour.isdigit():
            return "DAILY"
        case [hour, "*", "*", weekday] if hour.isdigit() and weekday.isdigit():
            return "WEEKLY"
        case [hour, day, "*", "*"] if hour.isdigit() and day.isdigit():
            return "MONTHLY"
    return "OTHER"


def _vi(text: str) -> dict[str, str]:
    return {"@language": "vi", "@value": text}


def _moment(text: str) -> dict[str, str]:
    return {"@type": "xsd:dateTime", "@value": text}


def _agent(name: str) -> dict[str, Any]:
    return {"@type": "foaf:Agent", "foaf:name": _vi(name)}


def _licence() -> dict[str, Any]:
    return {"@type": "dct:LicenseDocument", "dct:title": _vi(LICENCE)}
