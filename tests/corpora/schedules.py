"""Cron lines and time zones that are none, each with the code of its one problem and words that its message has.

`LINES` are right in their zone, `ZONES` wrong beside a line that is right. What is no text comes from clients alone.
"""

from typing import Any

LINES: dict[str, tuple[Any, str, str]] = {
    "the thirtieth of February": ("0 0 30 2 *", "never", "never comes"),
    "the 31st of short months": ("0 0 31 4,6,9,11 *", "never", "never comes"),
    "days that never meet": ("* * */20 * 1L", "never", "never comes"),
    "the sixtieth minute": ("60 * * * *", "bad_cron", '"60" is no minute. It takes 0 to 59'),
    "the 24th hour": ("0 24 * * *", "bad_cron", '"24" is no hour. It takes 0 to 23'),
    "the day nought": ("0 0 0 * *", "bad_cron", '"0" is no day of the month'),
    "a month that is none": ("0 0 * FOO *", "bad_cron", '"FOO" is no month'),
    "a range downwards": ("0 0 * * FRI-MON", "bad_cron", "ranges upwards"),
    "a step of nothing": ("*/0 * * * *", "bad_cron", '"*/0" is no minute'),
    "less than nought": ("-1 * * * *", "bad_cron", '"-1" is no minute'),
    "four fields": ("* * * *", "bad_cron", "has 4"),
    "six fields": ("0 0 0 * * *", "bad_cron", "has 6"),
    "two lines": ("0 8 * * *\n0 9 * * *", "bad_cron", "has 10"),
    "a word for it": ("@daily", "bad_cron", "@daily is written 0 0 * * *"),
    "a word of cron's that means no time": ("@reboot", "bad_cron", "has 1"),
    "nothing": ("", "bad_cron", "has 0"),
    "digits of another script": ("\u0663 8 * * *", "bad_cron", '"\u0663" is no minute'),
    "markup": ("<script>alert(1)</script> 8 * * *", "bad_cron", "is no minute"),
    "a template": ("{{7}} ${run.id} * * *", "bad_cron", '"{{7}}" is no minute'),
    "a command": ("0 8 * * MON;reboot", "bad_cron", '"MON;reboot" is no day of the week'),
    "a number of 5,000 digits": ("9" * 5000 + " * * * *", "bad_cron", "at most 200"),
    "a number of 150 digits": ("9" * 150 + " * * * *", "bad_cron", "is no minute"),
    "null": (None, "bad_cron", "is text"),
    "a number": (7, "bad_cron", "is text"),
    "a list": (["* * * * *"], "bad_cron", "is text"),
}

ZONES: dict[str, tuple[Any, str]] = {
    # and words of the message; the code of all is `unknown_zone`
    "in small letters": ("europe/berlin", "did you mean Europe/Berlin?"),
    "a city": ("Berlin", "did you mean Europe/Berlin?"),
    "a city in small letters": ("berlin", "did you mean Europe/Berlin?"),
    "a city of two words": ("New York", "did you mean America/New_York?"),
    "letters for an offset": ("CEST", "IANA database"),
    "a file": ("../../etc/passwd", "IANA database"),
    "what each machine has another of": ("localtime", "IANA database"),
    "a continent": ("Europe", "?"),
    "an offset": ("+02:00", "IANA database"),
    "markup": ("<img src=x onerror=alert(1)>", "IANA database"),
    "a template": ("{{ zone }}", "IANA database"),
    "5,000 letters": ("Europe/" + "B" * 5000, "IANA database"),
    "nothing": ("", "IANA database"),
    "null": (None, "null is no time zone"),
    "a number": (7, "7 is no time zone"),
    "an object": ({"zone": "UTC"}, "is no time zone"),
}
