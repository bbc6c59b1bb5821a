"""A contract file as the standard sees it: YAML without doubtful keys, valid by the JSON Schema of ODCS v3.1.

Knows on which line everything stands, so that whoever reads it further can say where a mistake is.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml

from lienthong.errors import ContractError

VERSION = "v3.1.0"
# The C loader is ten times as quick, and every DAG file waits for it; both build plain values only.
LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class Document:
    """One file that is YAML; ``mistakes`` has a line for everything in it that the standard does not accept."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            loader = LOADER(path.read_text(encoding="utf-8"))
            self._root = loader.get_single_node()
            self.content: Any = loader.construct_document(self._root) if self._root else None
        except UnicodeDecodeError as error:
            raise ContractError(f"{path.name}: not UTF-8 (byte {error.start}). Save the file as UTF-8.") from None
        except yaml.MarkedYAMLError as error:
            line = error.problem_mark.line + 1 if error.problem_mark else 1
            raise ContractError(f"{path.name}:{line}: not YAML: {error.problem}.") from None
        self._refuse_doubles(self._root)
        self.mistakes = list(dict.fromkeys(self._mistakes()))

    def fail(self, where: Iterable[str | int], message: str) -> ContractError:
        """An error at the line of the innermost part of ``where`` that exists."""
        node, line = self._root, 1
        for part in where:
            found = _child(node, part)
            if found is None:
                break
            node, line = found
        return ContractError(f"{self.path.name}:{line}: {message}")

    def _refuse_doubles(self, node: Any) -> None:
        # YAML readers keep the last of two equal keys and say nothing.
        if isinstance(node, yaml.MappingNode):
            seen: set[str] = set()
            for key, value in node.value:
                if key.value in seen:
                    line = key.start_mark.line + 1
                    raise ContractError(f"{self.path.name}:{line}: key {key.value!r} stands twice; remove one.")
                seen.add(key.value)
                self._refuse_doubles(value)
        elif isinstance(node, yaml.SequenceNode):
            for value in node.value:
                self._refuse_doubles(value)

    def _mistakes(self) -> Iterator[str]:
        # Every DAG file waits for this: the quick validator says whether, the other one says what is wrong.
        if not _quick_standard().is_valid(self.content):
            yield from self._explained()
        elif self.content["apiVersion"] != VERSION:
            yield str(self.fail(["apiVersion"], f"apiVersion must be {VERSION}, found {self.content['apiVersion']}."))

    def _explained(self) -> Iterator[str]:
        from jsonschema import Draft201909Validator
        from jsonschema.exceptions import best_match, relevance

        for error in sorted(Draft201909Validator(_standard()).iter_errors(self.content), key=relevance, reverse=True):
            # Of alternatives that all fail, the one that says most; the choice itself says nothing to a person.
            yield str(self._said(best_match([error])))

    def _said(self, error: Any) -> ContractError:
        where = list(error.absolute_path)
        at = ".".join(str(part) for part in where) or "contract"
        culprit = _misspelt(error)
        found = f", found {culprit!r}" if culprit and error.validator == "required" else ""
        where = [*where, culprit] if culprit else where
        return self.fail(where, f"{at}: {_short(error.message)}{found} (ODCS v3.1)")


@cache
def _standard() -> dict[str, Any]:
    schema = files("open_data_contract_standard").joinpath("schema.json").read_text(encoding="utf-8")
    content: dict[str, Any] = json.loads(schema)
    return content


@cache
def _quick_standard() -> Any:
    from jsonschema_rs import validator_for

    return validator_for(_standard())


def _child(node: Any, part: str | int) -> tuple[Any, int] | None:
    """The node below ``node`` and its line: that of its key, or of its first line in a list."""
    if isinstance(node, yaml.MappingNode):
        return next(((value, key.start_mark.line + 1) for key, value in node.value if key.value == part), None)
    if isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
        return node.value[part], node.value[part].start_mark.line + 1
    return None


def _misspelt(error: Any) -> str | None:
    """The key that the standard does not know, or that looks like the one it misses, to point at its line."""
    named = re.search(r"'([^']+)'", error.message)
    if named is None:
        return None
    if error.validator == "required":
        return next(iter(get_close_matches(named.group(1), list(error.instance))), None)
    return named.group(1) if error.validator in ("additionalProperties", "unevaluatedProperties") else None


def _short(message: str) -> str:
    return message if len(message) <= 200 else message[:200] + " …"
