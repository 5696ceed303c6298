"""What the web server loads."""

import os

from django.core.wsgi import get_wsgi_application

from mutualaid.parent_death import die_with_parent_if_supervised

# This runs in the web server's own child, which the runner's parent-death signal does not reach.
die_with_parent_if_supervised()
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mutualaid.settings")
application = get_wsgi_application()
