"""What people and their tools changed: topic ``changes``."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from schemas.base import Event, GivenMs

ChangeKind = Literal["deploy", "rollback", "config", "scaling", "flag"]


class NearestChange(BaseModel):
    """Something that people or their tools changed."""

    model_config = ConfigDict(frozen=True)
    id: Annotated[str, Field(min_length=1, max_length=200)]
    kind: ChangeKind
    what: Annotated[
        str, Field(min_length=1, max_length=200, description="A version, a commit, a flag's name: as people call it.")
    ]
    labels: Annotated[
        dict[str, str],
        Field(
            max_length=32, description="Where: of service, node, pod, namespace, cluster and the like, what is known."
        ),
    ] = {}
    at_ms: Annotated[GivenMs, Field(description="When it took effect.")]
    by: Annotated[str | None, Field(max_length=200, description="Who did it.")] = None
    url: Annotated[str | None, Field(max_length=2000, description="Where to read more.")] = None


class Change(Event, NearestChange):
    """A deployment, a rollback, a configuration or a flag that changed, a service that was scaled."""

    v: Literal[1] = 1
    tenant: Annotated[str, Field(min_length=1)]

    @property
    def key(self) -> str:
        """The record's."""
        return f"{self.tenant}/{self.labels.get('service', '')}"
