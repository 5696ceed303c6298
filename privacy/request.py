"""The HTTP request as this system reads it: always UTF-8."""

from typing import Any

from django.core.handlers.wsgi import WSGIRequest
from django.utils.http import parse_header_parameters


class Request(WSGIRequest):
    """Django's, which would decode with whatever codec a request names, before any middleware is asked.

    Some codecs raise, some make letters that cannot be stored. BodyLimit refuses those that name one.
    """

    def _set_content_type_params(self, meta: dict[str, Any]) -> None:
        try:
            self.content_type, self.content_params = parse_header_parameters(meta.get("CONTENT_TYPE", ""))
        except ValueError:
            self.content_type, self.content_params = "", {"charset": "?"}
