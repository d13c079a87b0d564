"""Where two objects differ, and what of it may be told."""

from __future__ import annotations

from typing import Any

import pytest

from ops.differences import ABSENT, OTHER, OURS, differences, text


def told(expected: Any, found: Any) -> list[tuple[str, str | None, str | None]]:
    """Paths and both values, as a person reads them."""
    return [(str(each), *each.shown()) for each in differences(expected, found)]


def test_equal_things_do_not_differ() -> None:
    same = {"spec": {"replicas": 1, "ports": [{"name": "a", "port": 1}], "args": ["x"], "empty": {}}}
    assert told(same, same) == []


@pytest.mark.parametrize(
    ("expected", "found", "result"),
    [
        ({"a": 1}, {"a": 2}, [("a", "1", "2")]),
        ({"a": 1}, {}, [("a", "1", None)]),
        ({}, {"a": {"b": 1, "c": 2}}, [("a", None, "{b, c}")]),
        ({"a": True}, {"a": 1}, [("a", "true", "1")]),
        ({"a": False}, {"a": 0}, [("a", "false", "0")]),
        ({"a": 1}, {"a": 1.0}, []),
        ({"a": [1, 2]}, {"a": [1, 3]}, [("a[1]", "2", "3")]),
        ({"a": [1, 2]}, {"a": [1]}, [("a", "[1, 2]", "[1]")]),
        ({"a": None}, {}, [("a", "null", None)]),
    ],
)
def test_every_leaf_that_differs_is_named(expected: Any, found: Any, result: list[Any]) -> None:
    assert told(expected, found) == result


def test_lists_of_named_things_are_compared_by_name() -> None:
    """In another order they are the same; one that was added or taken away is named."""
    one, two = {"name": "one", "image": "a"}, {"name": "two", "image": "b"}
    assert told([one, two], [two, one]) == []
    assert told({"c": [one, two]}, {"c": [two, {**one, "image": "x"}]}) == [("c[one].image", "a", "x")]
    assert told({"c": [one]}, {"c": [one, two]}) == [("c[two]", None, "{name, image}")]
    assert told({"c": [one]}, {"c": []}) == [("c[one]", "{name, image}", None)]


def test_twice_the_same_name_is_compared_by_place() -> None:
    ports = [{"name": "a", "port": 1}, {"name": "a", "port": 2}]
    assert told(ports, [ports[0], {"name": "a", "port": 3}]) == [("[1].port", "2", "3")]


@pytest.mark.parametrize(
    "where",
    [
        ("data", "key"),
        ("stringData", "key"),
        ("metadata", "annotations", "kubectl.kubernetes.io/last-applied-configuration"),
        ("spec", "containers", "args"),
        ("env", "value"),
        ("auth", "password"),
        ("auth", "postgresPassword"),
        ("externalS3", "accessKeySecret"),
        ("oauth", "clientToken"),
    ],
)
def test_what_may_be_secret_is_not_shown(where: tuple[str, ...]) -> None:
    def at(value: str) -> Any:
        tree: Any = value
        for key in reversed(where):
            tree = {key: tree}
        return tree

    assert [row[1:] for row in told(at("planted"), at("Planted"))] == [(OURS, OTHER)]
    assert next(each.shown() for each in differences(at("planted"), {}))[1] is None
    assert all("lanted" not in str(row) for row in told({}, at("planted")))


def test_a_new_variable_shows_its_name_and_not_its_value() -> None:
    added = {"env": [{"name": "FLAG", "value": "planted"}]}
    assert told({"env": []}, added) == [("env[FLAG]", None, "{name, value}")]


@pytest.mark.parametrize("key", ["existingSecret", "secretName", "existingSecretPasswordKey"])
def test_names_of_secrets_are_shown(key: str) -> None:
    assert told({key: "a"}, {key: "b"}) == [(key, "a", "b")]


def test_a_value_is_told_in_one_line() -> None:
    assert text("a\n  b") == "a b"
    assert text("x" * 100) == "x" * 60 + "..."
    assert text(ABSENT) is None
    assert text([{"a": 1}, "b", 3]) == "[{a}, b, 3]"
