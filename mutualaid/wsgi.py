"""What a web server loads."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mutualaid.settings")
application = get_wsgi_application()

from privacy.request import Request  # noqa: E402 - the rooms can be loaded only now

application.request_class = Request
