"""The report of an incident: what happened, what it cost, what is known of its cause, who was told, what comes again.

Every line cites the events that it rests on; what no event says is named as unknown, and nothing is guessed. The same
events make the same report: nothing here asks the time, reads a file or knows more than it is given.
"""

from incidents.review.build import report_of
from incidents.review.case import Case, collected
from incidents.review.model import Evidence, Line, Report

__all__ = ["Case", "Evidence", "Line", "Report", "collected", "report_of"]
