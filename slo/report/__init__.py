"""What became of objectives, as a page, a text or an object: history in, bytes out.

The same history always makes the same bytes: nothing here asks the time, draws chance or reads a file.
"""

from slo.report.build import report_of
from slo.report.history import Burned, Course, SloHistory, course_of
from slo.report.model import Report
from slo.report.recorded import history_of

__all__ = ["Burned", "Course", "Report", "SloHistory", "course_of", "history_of", "report_of"]
