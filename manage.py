#!/usr/bin/env python
"""The door for the command line: `manage.py up`, `manage.py fsck`, `manage.py workflow …`."""

import os
import sys


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    from config.env import WrongEnvironment

    try:
        from django.core.management import execute_from_command_line

        execute_from_command_line(sys.argv)
    except WrongEnvironment as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
