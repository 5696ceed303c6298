#!/usr/bin/env python3
"""Django's command line for this project."""

import os
import sys

from django.core.management import execute_from_command_line

from mutualaid import no_core

if __name__ == "__main__":
    no_core.leave_no_core()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mutualaid.settings")
    execute_from_command_line(sys.argv)
