"""What reaches a log: where something went wrong and of which type, never with which values."""

import logging
import traceback


class Formatter(logging.Formatter):
    """`time level logger message`, and for an exception its frames and type, without its text.

    An exception's text can hold what somebody typed; a request record's arguments hold the address visited.
    """

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s %(message)s")

    def formatMessage(self, record: logging.LogRecord) -> str:
        if hasattr(record, "request") or hasattr(record, "status_code"):
            status = getattr(record, "status_code", "")
            record.message = f"answered {status}".strip()
        return super().formatMessage(record)

    def formatException(self, ei: tuple[object, ...]) -> str:
        error = ei[1]
        if not isinstance(error, BaseException):
            return ""
        frames = traceback.extract_tb(error.__traceback__)
        lines = [f"  {frame.filename}:{frame.lineno} {frame.name}" for frame in frames]
        return "\n".join([*lines, f"{type(error).__module__}.{type(error).__qualname__}"])
