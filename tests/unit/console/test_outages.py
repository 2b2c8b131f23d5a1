"""A store or a broker that is away: 503, when to come back, and nothing that pretends."""

from __future__ import annotations

from console.app import Parts, make_app
from console.memory import MemoryStore, OneRoute
from console.memory_stage import MemoryStage
from console.settings import ConsoleSettings
from integrations.serving.store import AlertFilter, StandingAlert
from integrations.stores import Page, StoreError
from schemas.command_events import Command
from schemas.errors import BrokerError
from tests.unit.console.asgi import NOW_MS, Api, alert


class Away(MemoryStore):
    """A store that does not answer."""

    def ping(self) -> float:
        raise StoreError("the store does not serve")

    def alerts(
        self, tenant: str, wanted: AlertFilter | None = None, limit: int = 100, cursor: str | None = None
    ) -> Page[StandingAlert]:
        raise StoreError("the store does not serve")


class Deaf(MemoryStage):
    """A broker that takes nothing."""

    def send(self, command: Command) -> None:
        raise BrokerError("commands did not take the record", "Try again")


def _api(store: MemoryStore, stage: MemoryStage) -> Api:
    api = Api()
    api.store, api.stage = store, stage
    parts = Parts(store, stage, OneRoute(), "default", "1.2.3")
    api.app = make_app(parts, ConsoleSettings(), lambda: NOW_MS)
    return api


def test_a_store_that_is_away_is_503_and_to_be_asked_again() -> None:
    api = _api(Away(), MemoryStage(MemoryStore()))
    answer = api.get("/api/v1/alerts")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
    assert answer.json()["detail"] == "the store does not serve"
    assert api.get("/api/v2/alerts").json() == "the store does not serve"
    assert api.get("/-/ready").status_code == 503
    assert api.get("/-/healthy").status_code == 200
    assert api.get("/api/v1/status").json()["store_answers"] is False


def test_a_write_that_the_broker_does_not_take_is_no_success() -> None:
    store = MemoryStore(lambda: NOW_MS)
    store.put(alert())
    api = _api(store, Deaf(store))
    assert api.post(f"/api/v1/alerts/{alert().id}/acknowledge").status_code == 503
    assert api.post("/api/v2/alerts", [{"labels": {"a": "b"}}]).status_code == 503
