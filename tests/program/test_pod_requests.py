"""Requests that are worked on at once, beside a Flask that has two calls; the e2e tests have the real one."""

from __future__ import annotations

import sys
import threading
from types import SimpleNamespace
from typing import Any

import pytest

from components.pod_requests import AT_ONCE, AtOnce, chosen

CREATE, UPLOAD = "/api/2.0/mlflow/runs/create", "/api/2.0/mlflow-artifacts/artifacts/1/a/artifacts/model"


class Flask:
    """A request of each thread: its own `g`, and what is called with its response."""

    def __init__(self) -> None:
        self._here = threading.local()

    @property
    def g(self) -> Any:
        if not hasattr(self._here, "g"):
            self._here.g, self._here.after = SimpleNamespace(), []
        return self._here.g

    def after_this_request(self, function: Any) -> None:
        self._here.after.append(function)

    def answered(self, response: str) -> str:
        """The response is made."""
        after = self._here.after
        del self._here.g
        for function in after:
            response = function(response)
        return response


@pytest.fixture
def flask(monkeypatch: pytest.MonkeyPatch) -> Flask:
    """The server's."""
    made = Flask()
    monkeypatch.setitem(sys.modules, "flask", made)
    monkeypatch.setenv(AT_ONCE, "1")
    return made


def asked(path: str, body: Any = lambda: b"") -> Any:
    """A request; `body` waits for the client."""
    return SimpleNamespace(path=path, get_data=body)


def beside(at_once: AtOnce, path: str, body: Any = lambda: b"") -> threading.Thread:
    """Another request, in a thread of its own; over when it may be worked on."""
    thread = threading.Thread(target=at_once.begin, args=[asked(path, body)], daemon=True)
    thread.start()
    return thread


def waits(request: threading.Thread) -> bool:
    request.join(0.1)
    return request.is_alive()


def goes_on(request: threading.Thread) -> bool:
    """At once, however slow the machine is."""
    request.join(5)
    return not request.is_alive()


def test_the_next_one_waits_until_the_response_is_made(flask: Flask) -> None:
    at_once = chosen()
    at_once.begin(asked(CREATE))
    other = beside(at_once, CREATE)
    assert waits(other)
    assert flask.answered("done") == "done"
    assert goes_on(other)


def test_a_request_that_is_asked_about_twice_waits_once(flask: Flask) -> None:
    at_once = chosen()
    at_once.begin(asked(CREATE))
    at_once.begin(asked(CREATE))
    flask.answered("done")
    assert goes_on(beside(at_once, CREATE))


def test_questions_before_that_take_turns_too(flask: Flask) -> None:
    """And whoever has their turn need not wait for another."""
    at_once = chosen()
    with at_once.turn():
        assert waits(beside(at_once, CREATE))
    other = chosen()
    other.begin(asked(CREATE))
    with other.turn():
        flask.answered("done")


def test_who_sends_slowly_takes_nobody_s_turn(flask: Flask) -> None:
    """Neither an artifact, for as long as it takes, nor a body that never comes."""
    at_once, never = chosen(), threading.Event()
    at_once.begin(asked(UPLOAD))
    assert waits(beside(at_once, CREATE, never.wait))
    assert goes_on(beside(at_once, CREATE))
    assert goes_on(beside(at_once, UPLOAD))
    never.set()
