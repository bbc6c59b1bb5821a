"""docker-compose.yml as ``docker compose`` reads it: one YAML document, variables filled in, profiles known."""

import re
from functools import cache

import yaml

from .project import ROOT

# ${NAME}, ${NAME:-default} and ${NAME:?message}; "$$" stands for one dollar.
VARIABLE = re.compile(r"\$(?:\$|\{(?P<name>[A-Z][A-Z0-9_]*)(?:(?P<how>:-|:\?)(?P<word>[^}]*))?\})")

# Words that older YAML takes for true and false, and newer YAML for text: compose and we would read two things.
AMBIGUOUS = {"y", "n", "yes", "no", "on", "off"}


class Loader(yaml.SafeLoader):
    """Refuses what YAML lets pass: a key that stands twice, and a word that is a truth value to some."""

    def construct_mapping(self, node, deep=False):
        names = [key.value for key, _ in node.value if key.value != "<<"]
        twice = {name for name in names if names.count(name) > 1}
        if twice and not getattr(node, "merged", False):
            raise ValueError(f"line {node.start_mark.line + 1}: {sorted(twice)} stands twice")
        return super().construct_mapping(node, deep)

    def flatten_mapping(self, node):
        # After merging, a key of the merged mapping may stand beside the one that replaces it.
        super().flatten_mapping(node)
        node.merged = True


def _refuse_ambiguous(loader, node):
    if node.value.lower() in AMBIGUOUS:
        raise ValueError(f"line {node.start_mark.line + 1}: write {node.value!r} in quotes, or true or false")
    return yaml.SafeLoader.construct_yaml_bool(loader, node)


Loader.add_constructor("tag:yaml.org,2002:bool", _refuse_ambiguous)


@cache
def raw():
    """The document before variables are filled in."""
    return yaml.load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"), Loader)


@cache
def services():
    """The services before variables are filled in."""
    return raw()["services"]


def fill(value, env):
    """The value with its variables filled in; ``KeyError`` with the message of the first that must be set."""
    if isinstance(value, dict):
        return {key: fill(item, env) for key, item in value.items()}
    if isinstance(value, list):
        return [fill(item, env) for item in value]
    return VARIABLE.sub(lambda match: _value(match, env), value) if isinstance(value, str) else value


def _value(match, env):
    if match["name"] is None:
        return "$"
    given = env.get(match["name"], "")
    if given or match["how"] is None:
        return given
    if match["how"] == ":?":
        raise KeyError(match["word"])
    return match["word"]


def strings(value):
    """Every text in a value."""
    if isinstance(value, dict):
        for item in value.values():
            yield from strings(item)
    elif isinstance(value, list):
        for item in value:
            yield from strings(item)
    elif isinstance(value, str):
        yield value


def uses(value):
    """Every use of a variable in a value, as (name, how, word)."""
    for text in strings(value):
        for match in VARIABLE.finditer(text):
            if match["name"]:
                yield match["name"], match["how"], match["word"]
