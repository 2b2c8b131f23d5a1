"""What an entry of ``jira_configs`` says."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal, Self
from urllib.parse import urlsplit

from pydantic import BeforeValidator, Field, model_validator

from integrations.delivery.settings import Address, Duration, HttpDeliverySettings
from schemas.events import Priority

_VERSION: Final = re.compile(r"/rest/api/([23])/?$")
_CLOUD_HOSTS: Final = (".atlassian.net", "api.atlassian.com")
# Names of Jira's default priorities: https://support.atlassian.com/jira-cloud-administration/docs/configure-priorities/
PRIORITIES: Final[dict[Priority, str]] = {"P0": "Highest", "P1": "High", "P2": "Medium", "P3": "Low"}


def _labels(given: Any) -> Any:
    """Alertmanager takes a list, or an object with the list as its ``values``."""
    return given.get("values", ()) if isinstance(given, Mapping) else given


class JiraSettings(HttpDeliverySettings):
    """An entry of ``jira_configs``."""

    UNUSED = frozenset({"summary", "description"})

    api_url: Annotated[Address, Field(description="As https://example.atlassian.net/rest/api/3.")]
    api_type: Annotated[
        Literal["auto", "cloud", "datacenter"], Field(description="Which Jira it is; by its host if auto.")
    ] = "auto"
    project: Annotated[str, Field(min_length=1, description="The key of the project.")]
    issue_type: Annotated[str, Field(min_length=1, description="Its name, as Task or Bug.")]
    labels: Annotated[
        tuple[str, ...], BeforeValidator(_labels), Field(description="Added to each issue's labels.")
    ] = ()
    priority: Annotated[
        str | dict[Priority, str],
        Field(description="Their priority for all, or by ours, as {P0: Highest}; empty sends none."),
    ] = PRIORITIES
    fields: Annotated[dict[str, Any], Field(description="More fields, as they are, as {customfield_10001: x}.")] = {}  # noqa: RUF012
    resolve_transition: Annotated[str, Field(description="By its name; an issue stays open without one.")] = ""
    reopen_transition: Annotated[str, Field(description="By its name; a new issue is made without one.")] = ""
    reopen_duration: Annotated[Duration, Field(ge=0, description="A resolved issue is reopened for so long.")] = 0.0
    wont_fix_resolution: Annotated[str, Field(description="An issue with this resolution is not reopened.")] = ""

    @model_validator(mode="after")
    def _known(self) -> Self:
        for name, value in (("project", self.project), ("issue_type", self.issue_type)):
            if "{{" in value:
                raise ValueError(f"{name} is a template, which is not read here; write its value")
        return self

    @property
    def is_cloud(self) -> bool:
        """Whether it is Atlassian's."""
        if self.api_type != "auto":
            return self.api_type == "cloud"
        host = urlsplit(self.api_url).hostname or ""
        return any(host == one or host.endswith(one) for one in _CLOUD_HOSTS)

    @property
    def version(self) -> int:
        """Of the API: what the address says, else 3 of the cloud and 2 of a data center.

        Examples
        --------
        >>> of = lambda url: JiraSettings(api_url=url, project="OPS", issue_type="Task")
        >>> of("https://x.atlassian.net").version, of("https://jira.example.com").version
        (3, 2)
        """
        found = _VERSION.search(self.api_url)
        if found is not None:
            return int(found[1])
        return 3 if self.is_cloud else 2

    @property
    def base_url(self) -> str:
        """With the version, without a slash at its end."""
        url = self.api_url.rstrip("/")
        return url if _VERSION.search(url) else f"{url}/rest/api/{self.version}"

    @property
    def search_url(self) -> str:
        """Where issues are searched: the cloud has given up the old address.

        References
        ----------
        https://developer.atlassian.com/changelog/#CHANGE-2046
        """
        if self.is_cloud:
            return _VERSION.sub("/rest/api/3", self.base_url) + "/search/jql"
        return f"{self.base_url}/search"

    def priority_of(self, priority: Priority) -> str:
        """Their priority; empty where none is sent."""
        return self.priority if isinstance(self.priority, str) else self.priority.get(priority, "")
