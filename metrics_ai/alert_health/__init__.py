"""How good alerts are and how long incidents take, over a time: gathered from the records, written for people.

Shares are of what somebody judged, never of a guess, and stand with how many they rest on and their interval.
"""

from metrics_ai.alert_health.gather import AlertHealth, PagesOfShift, Week, gathered, pages_by_shift
from metrics_ai.alert_health.records import records_of, span_of

__all__ = ["AlertHealth", "PagesOfShift", "Week", "gathered", "pages_by_shift", "records_of", "span_of"]
