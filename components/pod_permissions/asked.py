"""What a request names: ids of experiments, runs, traces and models, wherever in it they stand.

More than the handler reads may be found (a field twice, in the query and in the body): then all of it counts.
"""

import json
import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence, Set
from typing import Any
from urllib.parse import unquote, urlsplit

from .routes import UNREAD

KEYS = {
    "experiment": ("experiment_id", "experiment_ids"),
    "run": ("run_id", "run_uuid", "run_ids"),
    "trace": ("trace_id", "trace_ids", "request_id", "request_ids"),
    "model": ("model_id", "model_ids"),
    "name": ("name",),
    "source": ("source",),
    "path": ("artifact_path", "path"),
    "location": ("artifact_location",),
    "overrides": ("overrides",),
}
"""Fields by kind, as MLflow's messages have them; in JSON they may be in camelCase."""

_FREE = {
    "tags",
    "trace_metadata",
    "traceMetadata",
    "request_metadata",
    "requestMetadata",
    "metadata",
    "value",
}
"""Fields whose keys and values are a user's own words."""

LOCATION = "mlflow.artifactLocation"
"""The tag of a trace that says where its artifacts are: the server sets it, and reads and deletes there."""

PLACEHOLDERS = ("dummy-source", "prompt-template")
"""What MLflow's clients send as the source of a prompt, which has none (3.3.2)."""

_NEW_TRACE = re.compile(r"[A-Za-z0-9_-]{1,50}")
_NUMBER = re.compile(r"0|[1-9][0-9]*")
_OF_EXPERIMENT = re.compile(r".*?/(0|[1-9][0-9]*)/(?:[0-9a-f]{32}|models)/")
_LOGGED_MODEL = re.compile(r"m-[0-9a-f]{32}")


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


def _forms(names: tuple[str, ...]) -> set[str]:
    return {form for name in names for form in (name, _camel(name))}


_FIELDS = {kind: _forms(names) for kind, names in KEYS.items()}
_SEVERAL = _forms(tuple(name for names in KEYS.values() for name in names if name.endswith("_ids")))
_ONE = {kind: _FIELDS[kind] - _SEVERAL for kind in ("experiment", "run", "model", "name")}
"""Fields by which MLflow itself knows what a request is about: one thing of a kind."""


def named(request: Any, kind: str) -> set[str]:
    """Every id of a kind in the query, the path and the JSON body of a request."""
    return {text for one in _given(request) for text in _under(one, _FIELDS[kind])}


def _given(request: Any) -> list[Any]:
    """The path's parts, each pair of the query, and the body."""
    return [
        request.view_args or {},
        *({name: text} for name, text in request.args.items(multi=True)),
        _body(request),
    ]


def one_meaning(request: Any) -> bool:
    """Whether a request names one thing of each kind, so that MLflow checks what its handler then takes.

    MLflow 3.3.2 checks `run_id` of the body, or of the query, while protobuf also takes `runId`, and the body
    where the query was checked. It compares ids of experiments as texts, where the database has numbers. And
    what it does after an answer fails at a body that is packed twice.
    """
    given = [one for one in _given(request) if isinstance(one, Mapping)]
    if any(len({*map(_camel, one)}) < len(one) for one in given) or isinstance(_json(request), str):
        return False
    for kind, fields in _ONE.items():
        ids = {text for one in given for name in fields & one.keys() for text in _leaves(one[name])}
        if len(ids) > 1 or (kind == "experiment" and not all(map(is_experiment, ids))):
            return False
    return True


def lists(request: Any) -> bool:
    """Whether ids that come several at once are in lists: of others MLflow takes keys, or letters (3.3.2)."""
    return _lists(_body(request))


def _lists(value: Any) -> bool:
    if isinstance(value, list):
        return all(map(_lists, value))
    if not isinstance(value, Mapping):
        return True
    return all(
        isinstance(item, list) and not any(isinstance(one, Mapping | list) for one in item)
        if name in _SEVERAL
        else name in _FREE or _lists(item)
        for name, item in value.items()
    )


def is_new_trace(text: str) -> bool:
    """Whether a trace may be made under an id: it becomes a part of the path of its artifacts."""
    return bool(_NEW_TRACE.fullmatch(text))


def is_experiment(text: str) -> bool:
    """Whether a text is the id of an experiment as MLflow writes it: of `02` the permissions are others."""
    return bool(_NUMBER.fullmatch(text))


def locations(request: Any) -> set[str]:
    """What a request says of where a trace's artifacts are; empty where it names that alone."""
    return {text for one in _given(request) for text in _told(one)}


def _told(value: Any) -> Iterator[str]:
    """What is said of `LOCATION`, by a mapping's key or by a pair of key and value, at any depth."""
    if isinstance(value, Mapping):
        if LOCATION in value:
            yield str(value[LOCATION])
        if LOCATION in value.values():
            yield str(value.get("value", ""))
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from _told(item)


def _json(request: Any) -> Any:
    """The JSON of the body, whatever its type is called; None of a body that is an artifact."""
    return None if request.url_rule.rule.endswith(UNREAD) else request.get_json(force=True, silent=True)


def _body(request: Any) -> Any:
    """The JSON of the body as MLflow reads it: old clients pack it twice."""
    body = _json(request)
    try:
        return json.loads(body) if isinstance(body, str) else body
    except ValueError:
        return None


def _under(value: Any, fields: set[str], free: Set[str] = _FREE) -> Iterator[str]:
    """All texts and numbers below the given fields, at any depth but below those that are `free`."""
    if isinstance(value, Mapping):
        for name, item in value.items():
            if name in fields:
                yield from _leaves(item)
            elif name not in free:
                yield from _under(item, fields, free)
    elif isinstance(value, list):
        for item in value:
            yield from _under(item, fields, free)


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
    return first if is_experiment(first) else None


def part_of(source: str) -> tuple[str, str] | None:
    """Kind and id of what a model version's source is a part of; None where it names nothing.

    `("place", "")`: somewhere else, it may be in the artifacts of what the request names. `("nobody", "")`:
    what only an administrator may name, such as what can be read in more than one way.
    """
    if source in PLACEHOLDERS:
        return None
    scheme, _, rest = source.partition(":")
    scheme, below = scheme.lower(), rest.strip("/")
    if not rest.startswith("/") or plain(below) != below or re.search(r"[\x00-\x1f\x7f?#\\;]", source):
        return "nobody", ""
    first, _, further = below.partition("/")
    if scheme in ("runs", "models") and rest.startswith("//"):
        return "nobody", ""
    if scheme == "runs":
        return "run", first
    if scheme == "models" and _LOGGED_MODEL.fullmatch(first) and not further:
        return "model", first
    if scheme == "models":
        # `models:/NAME/VERSION`, or `models:/NAME@ALIAS`: a name may have that sign as well.
        return "name", first if further else first.rpartition("@")[0] or first
    found = _OF_EXPERIMENT.match(f"{urlsplit(source).path}/")
    return ("experiment", found[1]) if found else ("place", "")


def within(source: str, place: str) -> bool:
    """Whether a plain source is a place or below it."""
    return f"{source.rstrip('/')}/".startswith(f"{place.rstrip('/')}/")


def in_query(body: Any) -> list[tuple[str, str]]:
    """Kind and id of all that a GraphQL request names, in its text and its variables.

    What is no query names nothing: MLflow refuses it.
    """
    from graphql import GraphQLError, parse

    asked = body if isinstance(body, Mapping) else {}
    given = asked.get("variables") or {}
    try:
        document = parse(str(asked.get("query", "")))
    except GraphQLError:
        return []
    fields = {form: kind for kind in ("experiment", "run") for form in _FIELDS[kind]}
    nodes = list(_nodes(document))
    # Of several operations one is run, and their variables may be called the same.
    defaults = [
        (one.variable.name.value, one.default_value) for one in nodes if one.kind == "variable_definition"
    ]
    # A variable's name is the caller's to choose.
    found = [
        (kind, text) for kind in ("experiment", "run") for text in _under(given, _FIELDS[kind], frozenset())
    ]
    for node in nodes:
        if node.kind in ("argument", "object_field") and node.name.value in fields:
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


def _literals(node: Any, given: Mapping[str, Any], defaults: Sequence[tuple[str, Any]]) -> Iterator[str]:
    """The texts that a value of a query may be: of a variable both what is given and its defaults."""
    if node is None:
        return
    if node.kind == "variable":
        yield from _leaves(given.get(node.name.value))
        for default in [one for name, one in defaults if name == node.name.value]:
            yield from _literals(default, given, ())
    elif node.kind == "list_value":
        for item in node.values:
            yield from _literals(item, given, defaults)
    else:
        yield str(getattr(node, "value", ""))
