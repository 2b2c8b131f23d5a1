"""What the JSON schemas of OpenSLO v1 ask of an SLO, said anew.

The schemas: https://github.com/OpenSLO/OpenSLO/tree/main/schemas/v1
"""

from __future__ import annotations

from typing import Any

NAME = {"type": "string", "pattern": r"^[a-z0-9][a-z0-9.|/\\-]*[a-z0-9]*$", "maxLength": 255}
DURATION = {"type": "string", "pattern": r"^[1-9][0-9]*[mhdwMQY]$"}
SHARE = {"type": "number", "minimum": 0, "exclusiveMaximum": 1}
ANNOTATION = {"type": "string", "pattern": r"^[a-z0-9A-Z][a-z0-9A-Z._-]*$", "minLength": 1, "maxLength": 63}


def mapping(required: tuple[str, ...] = (), **properties: Any) -> dict[str, Any]:
    return {"type": "object", "required": list(required), "properties": properties}


METADATA = mapping(
    ("name",),
    name=NAME,
    displayName={"type": "string", "minLength": 1},
    labels={"type": "object", "additionalProperties": {"type": ["string", "array"]}},
    annotations={
        "type": "object",
        "propertyNames": {"pattern": r"^(.{2,253}/)?.{1,63}$"},
        "additionalProperties": ANNOTATION,
    },
)
METRIC = mapping(
    ("metricSource",),
    metricSource=mapping(("spec",), type={"type": "string"}, metricSourceRef=NAME, spec={"type": "object"}),
)
SLI = mapping(
    thresholdMetric=METRIC,
    ratioMetric={
        **mapping(("counter", "total"), counter={"type": "boolean"}, good=METRIC, bad=METRIC, total=METRIC),
        "oneOf": [{"required": ["good"]}, {"required": ["bad"]}],
    },
) | {"oneOf": [{"required": ["thresholdMetric"]}, {"required": ["ratioMetric"]}]}
OBJECTIVE = mapping(
    ("target",),
    displayName={"type": "string", "minLength": 1},
    op={"enum": ["lte", "gte", "lt", "gt"]},
    value={"type": "number"},
    target=SHARE,
    timeSliceTarget={"type": "number", "exclusiveMinimum": 0, "maximum": 1},
    timeSliceWindow={"oneOf": [DURATION, {"type": "number", "exclusiveMinimum": 0}]},
)
WINDOW = mapping(
    ("duration",),
    duration=DURATION,
    isRolling={"type": "boolean"},
    calendar=mapping(("startTime", "timeZone"), startTime={"type": "string"}, timeZone={"type": "string"}),
)
SPEC = mapping(
    ("service", "budgetingMethod", "objectives"),
    description={"type": "string", "maxLength": 1050},
    service=NAME,
    indicator=mapping((), metadata=METADATA, spec=SLI),
    indicatorRef=NAME,
    timeWindow={"type": "array", "maxItems": 1, "items": WINDOW},
    budgetingMethod={"enum": ["Occurrences", "Timeslices", "RatioTimeslices"]},
    objectives={"type": "array", "items": OBJECTIVE},
    alertPolicies={"type": "array", "items": NAME},
) | {
    "oneOf": [{"required": ["indicator"]}, {"required": ["indicatorRef"]}],
    "if": mapping((), budgetingMethod={"const": "Timeslices"}),
    "then": mapping((), objectives={"type": "array", "items": {"required": ["timeSliceWindow", "timeSliceTarget"]}}),
}
POLICY = mapping(
    ("alertWhenNoData", "alertWhenResolved", "alertWhenBreaching", "conditions", "notificationTargets"),
    alertWhenNoData={"type": "boolean"},
    alertWhenResolved={"type": "boolean"},
    alertWhenBreaching={"type": "boolean"},
    conditions={
        "type": "array",
        "minItems": 1,
        "maxItems": 1,
        "items": mapping(
            ("kind", "metadata", "spec"),
            kind={"const": "AlertCondition"},
            metadata=METADATA,
            spec=mapping(
                ("severity", "condition"),
                severity={"type": "string"},
                condition=mapping(
                    ("threshold", "lookbackWindow", "alertAfter"),
                    kind={"enum": ["burnrate"]},
                    threshold={"type": "number"},
                    lookbackWindow=DURATION,
                    alertAfter=DURATION,
                ),
            ),
        ),
    },
    notificationTargets={"type": "array", "minItems": 1, "items": mapping(("targetRef",), targetRef=NAME)},
)
HEADER = ("apiVersion", "kind", "metadata", "spec")
VERSION = {"const": "openslo/v1"}
SCHEMAS = {
    "SLO": mapping(HEADER, apiVersion=VERSION, metadata=METADATA, spec=SPEC),
    "AlertPolicy": mapping(HEADER, apiVersion=VERSION, metadata=METADATA, spec=POLICY),
}
