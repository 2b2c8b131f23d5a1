"""The description of the API: OpenAPI 3.1, and a sentence for each operation."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest

from tests.unit.console.asgi import Api


@pytest.fixture(scope="module")
def described() -> dict[str, Any]:
    found: dict[str, Any] = Api().get("/api/v1/openapi.json").json()
    return found


def _references(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for one in value.values():
            yield from _references(one)
    elif isinstance(value, list):
        for one in value:
            yield from _references(one)


def test_it_is_openapi_3_1_and_refers_to_nothing_that_is_not_there(described: dict[str, Any]) -> None:
    assert described["openapi"].startswith("3.1")
    schemas = described["components"]["schemas"]
    assert {one.removeprefix("#/components/schemas/") for one in _references(described)} <= set(schemas)
    for schema in schemas.values():
        jsonschema.Draft202012Validator.check_schema(schema)


def test_every_operation_says_what_it_does(described: dict[str, Any]) -> None:
    silent = [
        f"{method} {path}"
        for path, item in described["paths"].items()
        for method, operation in item.items()
        if not operation.get("description", "").strip()
    ]
    assert silent == []


def test_alertmanagers_paths_are_all_there(described: dict[str, Any]) -> None:
    ours = {
        (path.removeprefix("/api/v2"), method)
        for path, item in described["paths"].items()
        if path.startswith("/api/v2")
        for method in item
    }
    # https://github.com/prometheus/alertmanager/blob/main/api/v2/openapi.yaml
    assert ours == {
        ("/status", "get"),
        ("/receivers", "get"),
        ("/silences", "get"),
        ("/silences", "post"),
        ("/silence/{silenceID}", "get"),
        ("/silence/{silenceID}", "delete"),
        ("/alerts", "get"),
        ("/alerts", "post"),
        ("/alerts/groups", "get"),
    }


def test_operations_that_need_a_token_say_so(described: dict[str, Any]) -> None:
    assert described["paths"]["/api/v1/alerts"]["get"]["security"] == [{"HTTPBearer": []}]
    assert "security" not in described["paths"]["/feedback/{token}"]["get"]
