"""MLflow's hook, `authorization_function`: after the login, what its user may do on this route.

MLflow 3.3.2 checks permissions on some routes and lets every user have the rest: reading and overwriting
artifacts, searching runs, deleting traces, webhooks. Here each route is checked (`routes.py`), by the
permissions that MLflow keeps. What nobody has thought of is the administrators' alone.
"""

import importlib
import json
import logging
from collections.abc import Callable, Collection, Iterable
from typing import Any

from . import NAME, asked
from .routes import BESIDES, CHECKED, EVERYBODY, NAMES, READ, Need, key

WRITTEN_FOR = "3.3.2"
"""The version of MLflow whose routes these are."""

LOG = logging.getLogger("mlflow.server.auth.strict")


class Guard:
    """A check of logins, and then of permissions."""

    def __init__(self, auth: Any, login: Callable[[], Any]) -> None:
        """`auth` is the module `mlflow.server.auth`, `login` what checks a request's login."""
        self._auth = auth
        self._login = login
        self._flask = importlib.import_module("flask")
        self._rows = importlib.import_module("mlflow.server.auth.db.models").SqlRegisteredModelPermission

    def __call__(self) -> Any:
        """The request's authorization, or the response that refuses it."""
        given = self._login()
        # MLflow asks several times in a request.
        if not hasattr(given, "username") or getattr(self._flask.g, NAME, False):
            return given
        if not self._may(given.username):
            return self._auth.make_forbidden_response()
        setattr(self._flask.g, NAME, given.username)
        return given

    def _may(self, user: str) -> bool:
        """Whether this user may have this request answered, as far as MLflow does not check it itself."""
        request = self._auth.request
        if request.url_rule is None or request.method == "OPTIONS":
            return True  # no route, and what methods a route has: neither answers anything of anybody's
        method, rule = key("GET" if request.method == "HEAD" else request.method, request.url_rule.rule)
        if (method, rule) in NAMES:
            before = asked.named(request, "name") if rule.endswith("/rename") else set()
            self._flask.after_this_request(lambda response: self._unclaimed(before, response))
        needs = CHECKED.get((method, rule))
        free = (method, rule) in EVERYBODY or (
            needs is None and self._auth._find_validator(request) is not None and asked.one_meaning(request)
        )
        # Of HEAD MLflow's own validators know nothing, and its searches leave nothing out.
        if free and (request.method != "HEAD" or not rule.startswith("/api/")):
            named = {need: asked.named(request, need[0]) for need in BESIDES.get((method, rule), ())}
            needs = tuple(need for need, ids in named.items() if ids)
            if not needs:
                return True
        if self._auth.store.get_user(user).is_admin:
            return True
        if needs is None or request.method == "HEAD" or not asked.lists(request):
            return False
        return all(self._allowed(user, need) for need in needs)

    def _allowed(self, user: str, need: Need) -> bool:
        """Whether all that the request names of this kind allows it; nothing named: what the default says."""
        kind, action = need
        things = list(self._things(kind))
        return all(self._permits(user, *thing, action) for thing in things)

    def _things(self, kind: str) -> Iterable[tuple[str, str]]:
        """What the request names, as kinds that have permissions."""
        request = self._auth.request
        if kind == "graphql":
            return asked.in_query(request.get_json(force=True, silent=True))
        if kind == "tag":
            told = asked.locations(request)
            return [] if not told or told <= self._locations() else [("nobody", "")]
        if kind in ("location", "overrides"):
            return [("nobody", "")] if asked.named(request, kind) else []
        if kind == "source":
            # The run or logged model that it claims to come from is named as well.
            claimed = [(one, text) for one in ("run", "model") for text in asked.named(request, one)]
            sources = [self._source(text, claimed) for text in asked.named(request, kind)]
            if sources and all(one and one[0] == "name" for one in sources):
                # A copy of a version: its run is that of the original, and a reference.
                claimed = [one for one in claimed if one[0] != "run"]
            return [*(one for one in sources if one), *claimed]
        if kind == "path":
            return [self._place(path) for path in asked.named(request, kind) or {""}]
        wanted = "trace" if kind == "new" else kind
        ids = asked.named(request, wanted)
        if kind == "new":
            return [("new", text) for text in ids]
        return [(kind, text) for text in ids] or [("other", "")]

    def _locations(self) -> set[str]:
        """Where the artifacts of the trace in the request's path are: clients say it when they end one."""
        ids = (self._auth.request.view_args or {}).values()
        traces = [self._auth._get_tracking_store().get_trace_info(trace) for trace in ids]
        return {trace.tags[asked.LOCATION] for trace in traces if asked.LOCATION in trace.tags}

    def _place(self, path: str) -> tuple[str, str]:
        """Whose a proxied path is. Stores delete all that begins with a path: `1` would take `10` along."""
        experiment = asked.experiment_of(path)
        whole = self._auth.request.method == "DELETE" and "/" not in asked.plain(path).strip("/")
        return ("experiment", experiment) if experiment and not whole else ("nobody", "")

    def _source(self, source: str, claimed: Iterable[tuple[str, str]]) -> tuple[str, str] | None:
        """What a source is a part of; None where that is claimed, "nobody" where it is some other place."""
        part, store = asked.part_of(source), self._auth._get_tracking_store()
        if part is None or part[0] not in ("experiment", "place"):
            return part
        for kind, thing in claimed:
            place = (
                store.get_run(thing).info.artifact_uri
                if kind == "run"
                else store.get_logged_model(thing).artifact_location
            )
            if asked.within(source, place):
                return None
        if part[0] == "experiment" and asked.within(source, store.get_experiment(part[1]).artifact_location):
            return part
        return "nobody", ""

    def _permits(self, user: str, kind: str, thing: str, action: str) -> bool:
        auth = self._auth
        if kind == "nobody" or (kind == "experiment" and not asked.is_experiment(thing)):
            return False
        if kind == "other":
            return bool(getattr(auth.get_permission(auth.auth_config.default_permission), action))
        if kind == "name":
            permission = auth._get_permission_from_store_or_default(
                lambda: auth.store.get_registered_model_permission(thing, user).permission
            )
            return bool(getattr(permission, action))
        try:
            experiment = self._experiment(kind, thing)
        except auth.MlflowException as error:
            if kind == "new" and getattr(error, "error_code", "") == "RESOURCE_DOES_NOT_EXIST":
                return asked.is_new_trace(thing)
            raise
        permission = auth._get_permission_from_store_or_default(
            lambda: auth.store.get_experiment_permission(experiment, user).permission
        )
        return bool(getattr(permission, action))

    def _experiment(self, kind: str, thing: str) -> str:
        """The experiment that something is in, whose permissions are its own."""
        store = self._auth._get_tracking_store()
        if kind == "experiment":
            return thing
        if kind == "run":
            return str(store.get_run(thing).info.experiment_id)
        if kind == "model":
            return str(store.get_logged_model(thing).experiment_id)
        return str(store.get_trace_info(thing).experiment_id)

    def readable(self, search: Callable[[Any], Any]) -> Callable[[Any], Any]:
        """MLflow's search of model versions, without those of models that the request's user may not read."""

        def found(message: Any) -> Any:
            answer, user = search(message), getattr(self._flask.g, NAME, "")
            if not self._auth.store.get_user(user).is_admin:
                names = {version.name for version in answer.model_versions}
                seen = {name for name in names if self._permits(user, "name", name, READ)}
                kept = [version for version in answer.model_versions if version.name in seen]
                del answer.model_versions[:]
                answer.model_versions.extend(kept)
            return answer

        return found

    def _unclaimed(self, before: Collection[str], response: Any) -> Any:
        """Forget who had permissions on a model of this name: MLflow leaves them when one is deleted.

        It comes before MLflow writes down who manages the new one. `before` is the name that it had, if any.
        """
        if response.status_code == 200:
            name = json.loads(response.get_data(as_text=True))["registered_model"]["name"]
            if before != {name}:
                with self._auth.store.ManagedSessionMaker() as session:
                    session.query(self._rows).filter_by(name=name).delete()
        return response


def login(auth: Any) -> Callable[[], Any]:
    """What checks logins: the memory of `pod_authentication.py` where it is there, or MLflow's own."""
    try:
        found: Callable[[], Any] = importlib.import_module("mlflow_fast_authentication").authenticate_request
    except ModuleNotFoundError:
        found = auth.authenticate_request_basic_auth
    return found


def chosen() -> Callable[[], Any]:
    """The function that MLflow asks. In another MLflow than this was written for: the login's check alone."""
    auth: Any = importlib.import_module("mlflow.server.auth")
    version = importlib.import_module("mlflow.version").VERSION
    if version != WRITTEN_FOR:
        LOG.warning(
            "strict permissions step aside, MLflow checks those of its own routes alone:"
            " they were written for MLflow %s, and this is %s",
            WRITTEN_FOR,
            version,
        )
        return login(auth)
    LOG.info("strict permissions are on")
    guard = Guard(auth, login(auth))
    handlers: Any = importlib.import_module("mlflow.server.handlers")
    handlers.search_model_versions_impl = guard.readable(handlers.search_model_versions_impl)
    return guard


if __name__ == f"{NAME}.hook":
    authenticate_request = chosen()
