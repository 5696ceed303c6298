"""Every duty of the system, in the order in which the ticker asks. docs/ and /healthz speak of these names."""

from privacy.due import Duty

DUTIES: tuple[Duty, ...] = ()
