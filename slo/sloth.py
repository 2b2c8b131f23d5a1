"""What Sloth made customary: labels of an objective, and severities, which its dashboards and rules look for.

https://github.com/slok/sloth/blob/main/internal/prometheus/recording_rules.go
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from slo.definition import Priority

SLOTH_LABELS: Final = ("sloth_id", "sloth_service", "sloth_slo")
"""Of every series of an objective."""
SEVERITIES: Final[Mapping[Priority, str]] = {"P0": "page", "P1": "page", "P2": "ticket", "P3": "info"}
# A share of a target of four nines and more, without the noise of floats: 0.9999 * 100 is 99.99 in fifteen digits.
_TARGET_DIGITS: Final = ".12g"


def sloth_labels(tenant: str, service: str, name: str) -> dict[str, str]:
    """Sloth's labels for an objective.

    Examples
    --------
    >>> sloth_labels("acme", "web-shop", "checkout")["sloth_id"], sloth_labels("default", "shop", "pay")["sloth_id"]
    ('acme-web-shop-checkout', 'shop-pay')
    """
    # Sloth's ids are of a service and an SLO; tenants it has none.
    ours = "" if tenant == "default" else f"{tenant}-"
    return dict(zip(SLOTH_LABELS, (f"{ours}{service}-{name}", service, name), strict=True))


def info_labels(target: float) -> dict[str, str]:
    """Labels of ``sloth_slo_info``, beside those of every series.

    Examples
    --------
    >>> info_labels(0.9999)
    {'sloth_mode': 'metrics-ai', 'sloth_objective': '99.99', 'sloth_spec': 'openslo/v1'}
    """
    objective = format(target * 100, _TARGET_DIGITS)
    return {"sloth_mode": "metrics-ai", "sloth_objective": objective, "sloth_spec": "openslo/v1"}
