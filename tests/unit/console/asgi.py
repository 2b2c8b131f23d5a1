"""The API in this process: stores and stage in memory, requests without a socket."""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import dataclass, field
from typing import Any

import httpx

from console.app import Parts, make_app
from console.memory import MemoryStore, OneRoute
from console.memory_stage import MemoryStage
from console.ports import Extras
from console.settings import ConsoleSettings, TokenSettings
from integrations.telemetry import Telemetry
from schemas.incident_events import Alert, Incident

NOW_MS = 1_795_446_000_000
"""2026-11-23T15:00:00Z."""


def alert(number: int = 1, **more: Any) -> Alert:
    fields: dict[str, Any] = {
        "id": f"f{number}-{NOW_MS - number}",
        "tenant": "default",
        "fingerprint": f"f{number}",
        "labels": {"alertname": "Disk", "node": f"n{number}"},
        "state": "firing",
        "priority": "P1",
        "severity": "critical",
        "entity": f"node:n{number}",
        "signal": "disk",
        "started_ms": NOW_MS - number,
        "updated_ms": NOW_MS,
        "confidence": 1.0,
    }
    return Alert(**{**fields, **more})


def incident(number: int = 1, **more: Any) -> Incident:
    fields: dict[str, Any] = {
        "id": f"i{number}",
        "tenant": "default",
        "state": "open",
        "title": "Disk of n1",
        "priority": "P1",
        "severity": "critical",
        "started_ms": NOW_MS - 60_000,
        "updated_ms": NOW_MS + number,
        "members": [],
        "entities": [],
        "signals": [],
        "confidence": 1.0,
        "revision": 1,
    }
    return Incident(**{**fields, **more})


def token(name: str, role: Any, tenants: list[str] | None = None) -> TokenSettings:
    """A token whose text is its name and ``-token``."""
    digest = hashlib.sha256(f"{name}-token".encode()).hexdigest()
    return TokenSettings(name=name, role=role, sha256=digest, **({"tenants": tenants} if tenants else {}))


@dataclass
class Api:
    """An API to be asked."""

    settings: ConsoleSettings = field(default_factory=ConsoleSettings)
    extras: Extras = field(default_factory=Extras)
    link_secret: str | None = "s3cret"
    now_ms: int = NOW_MS
    telemetry: Telemetry = field(default_factory=lambda: Telemetry("console"))

    def __post_init__(self) -> None:
        self.store = MemoryStore(lambda: self.now_ms)
        self.stage = MemoryStage(self.store)
        parts = Parts(
            self.store,
            self.stage,
            OneRoute(),
            "default",
            "1.2.3",
            self.link_secret,
            self.extras,
            telemetry=self.telemetry,
        )
        self.app = make_app(parts, self.settings, lambda: self.now_ms)

    def ask(self, method: str, path: str, **more: Any) -> httpx.Response:
        async def asked() -> httpx.Response:
            transport = httpx.ASGITransport(self.app, raise_app_exceptions=True)
            async with httpx.AsyncClient(transport=transport, base_url="http://localhost:8080") as client:
                return await client.request(method, path, **more)

        return asyncio.run(asked())

    def get(self, path: str, **more: Any) -> httpx.Response:
        return self.ask("GET", path, **more)

    def post(self, path: str, body: Any = None, **more: Any) -> httpx.Response:
        return self.ask("POST", path, **({} if body is None else {"json": body}), **more)


def bearer(name: str, **headers: str) -> dict[str, Any]:
    return {"headers": {"Authorization": f"Bearer {name}-token", **headers}}
