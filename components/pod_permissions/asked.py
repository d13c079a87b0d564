"""What a request names: ids of experiments, runs, traces and models, wherever in it they stand.

More than the handler reads may be found (a field twice, in the query and in the body): then all of it counts.
"""

import json
import posixpath
import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import unquote

from .routes import UNREAD

KEYS = {
    "experiment": ("experiment_id", "experiment_ids"),
    "run": ("run_id", "run_uuid", "run_ids"),
    "trace": ("trace_id", "trace_ids", "request_id", "request_ids"),
    "model": ("model_id", "model_ids"),
    "name": ("name",),
    "source": ("source",),
    "path": ("artifact_path", "path"),
}
"""Fields by kind, as MLflow's messages have them; in JSON they may be in camelCase."""

_SOURCES = (
    ("run", re.compile(r"runs:/+([^/]+)")),
    ("model", re.compile(r"models:/+(m-[0-9a-f]{32})(?:/|\Z)")),
    ("name", re.compile(r"models:/+([^/@]+)")),
    ("experiment", re.compile(r".*/(\d+)/(?:[0-9a-f]{32}|models)/")),
)
"""What a model version's source is a part of, by its form."""


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


def _fields(kind: str) -> set[str]:
    return {form for name in KEYS[kind] for form in (name, _camel(name))}


def named(request: Any, kind: str) -> set[str]:
    """Every id of a kind in the query, the path and the JSON body of a request."""
    fields = _fields(kind)
    given: list[Any] = [
        request.view_args or {},
        *({name: text} for name, text in request.args.items(multi=True)),
    ]
    if not request.url_rule.rule.endswith(UNREAD):
        given.append(_body(request))
    return {text for one in given for text in _under(one, fields)}


def _body(request: Any) -> Any:
    """The JSON of the body as MLflow reads it: whatever its type is called, packed twice by old clients."""
    body = request.get_json(force=True, silent=True)
    try:
        return json.loads(body) if isinstance(body, str) else body
    except ValueError:
        return None


def _under(value: Any, fields: set[str]) -> Iterator[str]:
    """All texts and numbers below the given fields, at any depth."""
    if isinstance(value, Mapping):
        for name, item in value.items():
            yield from _leaves(item) if name in fields else _under(item, fields)
    elif isinstance(value, list):
        for item in value:
            yield from _under(item, fields)


def _leaves(value: Any) -> Iterator[str]:
    if isinstance(value, list):
        for item in value:
            yield from _leaves(item)
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _leaves(item)
    elif value not in (None, ""):
        yield str(value)


def plain(path: str) -> str:
    """A path without encodings, dots and doubled slashes: as the store will have it in the end."""
    while (decoded := unquote(path)) != path:
        path = decoded
    return posixpath.normpath(path).lstrip("/")


def experiment_of(path: str) -> str | None:
    """The experiment whose artifacts lie at a proxied path: its first part, where that is a number."""
    first = plain(path).partition("/")[0]
    return first if re.fullmatch(r"[0-9]+", first) else None


def part_of(source: str) -> tuple[str, str] | None:
    """Kind and id of what a model version's source is a part of; None where it names nothing of the server's.

    `("other", "")`: a place that the server can read and nobody knows whose it is.
    """
    scheme, colon, rest = source.partition(":/")
    if not colon:
        return None
    path = f"{scheme}:/{plain(rest)}/"
    for kind, pattern in _SOURCES:
        if found := pattern.match(path):
            return kind, found[1]
    return "other", ""


def in_query(body: Any) -> list[tuple[str, str]]:
    """Kind and id of all that a GraphQL request names, in its text and its variables.

    `("other", "")` stands for a search over all models. What is no query names nothing: MLflow refuses it.
    """
    from graphql import GraphQLError, parse

    asked = body if isinstance(body, Mapping) else {}
    given = asked.get("variables") or {}
    try:
        document = parse(str(asked.get("query", "")))
    except GraphQLError:
        return []
    fields = {form: kind for kind in ("experiment", "run") for form in _fields(kind)}
    nodes = list(_nodes(document))
    defaults = {
        one.variable.name.value: one.default_value for one in nodes if one.kind == "variable_definition"
    }
    found = [(kind, text) for kind in ("experiment", "run") for text in _under(given, _fields(kind))]
    for node in nodes:
        if node.kind == "field" and node.name.value == "mlflowSearchModelVersions":
            found.append(("other", ""))
        elif node.kind in ("argument", "object_field") and node.name.value in fields:
            found += ((fields[node.name.value], text) for text in _literals(node.value, given, defaults))
    return found


def _nodes(node: Any) -> Iterator[Any]:
    """A node of a parsed query and all below it."""
    yield node
    for name in node.keys:
        below = getattr(node, name, None)
        for one in below if isinstance(below, list | tuple) else (below,):
            if hasattr(one, "kind"):
                yield from _nodes(one)


def _literals(node: Any, given: Mapping[str, Any], defaults: Mapping[str, Any]) -> Iterator[str]:
    """The texts that a value of a query may be: of a variable both what is given and its default."""
    if node is None:
        return
    if node.kind == "variable":
        yield from _leaves(given.get(node.name.value))
        yield from _literals(defaults.get(node.name.value), given, {})
    elif node.kind == "list_value":
        for item in node.values:
            yield from _literals(item, given, defaults)
    else:
        yield str(getattr(node, "value", ""))
