"""Every kind of `Authorization` header, and the requests that each is tried with."""

from __future__ import annotations

import base64
from dataclasses import dataclass

import httpx

PASSWORD = "planted:pass word 12"
"""With a colon, which ends a user name and no password."""
OTHER = "another password"
NON_ASCII = ("žofie", "Pässwörter über alles")

REQUESTS = (
    ("GET", "/api/2.0/mlflow/experiments/search?max_results=5", None),
    ("GET", "/api/2.0/mlflow/users/get?username=ada", None),
    ("GET", "/ajax-api/2.0/mlflow/experiments/get?experiment_id=0", None),
    ("POST", "/api/2.0/mlflow/runs/create", {"experiment_id": "0"}),
    ("GET", "/api/2.0/mlflow/users/get?username=bob", None),
    ("GET", "/health", None),
)
"""Before MLflow 3.3.2 answers one, it checks the password never, once, twice or three times."""


def basic(user: str, password: str) -> str:
    """The header of a browser or client."""
    return f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"


def headers(admin: tuple[str, str]) -> dict[str, str | None]:
    """Each kind by its name; user `ada` is there, `eve` is deleted, `bob` has changed his password."""
    return {
        "the administrator": basic(*admin),
        "an ordinary user": basic("ada", PASSWORD),
        "not of ASCII": basic(*NON_ASCII),
        "wrong, not of ASCII": basic(NON_ASCII[0], f"{NON_ASCII[1]}é"),
        "a changed password": basic("bob", OTHER),
        "the old one": basic("bob", PASSWORD),
        "wrong": basic("ada", OTHER),
        "another user's": basic("ada", admin[1]),
        "unknown user": basic("nobody", PASSWORD),
        "deleted user": basic("eve", PASSWORD),
        "another case": basic("ADA", PASSWORD),
        "a space more": basic("ada ", PASSWORD),
        "empty password": basic("ada", ""),
        "empty user": basic("", PASSWORD),
        "both empty": basic("", ""),
        "no colon": f"Basic {base64.b64encode(b'ada').decode()}",
        "a NUL in the user": basic("ada\0", PASSWORD),
        "a NUL in the password": basic("ada", f"{PASSWORD}\0"),
        "very long user": basic("a" * 5000, PASSWORD),
        "very long password": basic("ada", "a" * 5000),
        "longer than a header may be": basic("ada", "a" * 9000),
        "no header": None,
        "an empty one": "",
        "no base64": "Basic %%%",
        "no UTF-8": f"Basic {base64.b64encode(bytes([255, 58, 255])).decode()}",
        "only the scheme": "Basic",
        "another case of the scheme": basic("ada", PASSWORD).replace("Basic", "bAsIc"),
        "bearer": "Bearer abc.def.ghi",
        "bearer with parameters": 'Bearer username="ada"',
        "parameters of another scheme": f'Digest username="ada", password="{PASSWORD}"',
        "wrong parameters": f'Digest username="ada", password="{OTHER}"',
        "parameters without a password": 'Digest username="ada"',
    }


@dataclass(frozen=True)
class Outcome:
    """What a server answered; of what it made only that it did."""

    status: int
    asks: str | None
    text: str


def outcomes(client: httpx.Client, url: str, header: str | None) -> list[Outcome]:
    """What a server answers to each request with this header."""
    found = []
    for method, path, body in REQUESTS:
        given = {} if header is None else {"Authorization": header}
        answer = client.request(method, url + path, json=body, headers=given)
        made = answer.is_success and method == "POST"
        found.append(
            Outcome(answer.status_code, answer.headers.get("WWW-Authenticate"), "" if made else answer.text)
        )
    return found
