"""Cron schedules of five fields, as contracts and settings write them. Pure: when one ticks is Dagster's business."""

_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_DAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]
_LIMITS: list[tuple[str, int, int, list[str]]] = [  # field, lowest, highest, names
    ("minute", 0, 59, []),
    ("hour", 0, 23, []),
    ("day", 1, 31, []),
    ("month", 1, 12, _MONTHS),
    ("day of week", 0, 7, _DAYS),
]


def parse_cron(value: object) -> str:
    """The schedule with one space between its fields: minute, hour, day of month, month, day of week.

    Raises:
        ValueError: It is none; the message says which field is wrong.

    >>> parse_cron("0  6 * * mon-fri")
    '0 6 * * mon-fri'
    """
    if not isinstance(value, str):
        raise ValueError(
            f'{value!r} is not a cron schedule: write five fields in quotes, such as "0 6 * * *"'
        )
    fields = value.split()
    if len(fields) != 5:
        raise ValueError(
            f"{value!r} has {len(fields)} cron field{'' if len(fields) == 1 else 's'} and needs five: "
            "minute, hour, day, month, day of week"
        )
    for text, (name, lowest, highest, names) in zip(fields, _LIMITS, strict=True):
        first = lowest if name == "day of week" else 1
        numbers = {word: str(first + place) for place, word in enumerate(names)}
        if not all(_is_part(part, lowest, highest, numbers) for part in text.lower().split(",")):
            raise ValueError(
                f"{value!r} is not a cron schedule: its {name} is {text!r}, and may be {lowest} to {highest}, * or */n"
            )
    return " ".join(fields)


def _is_part(part: str, lowest: int, highest: int, numbers: dict[str, str]) -> bool:
    span, slash, step = part.partition("/")
    if slash and not (_is_number(step) and int(step) > 0):
        return False
    if span == "*":
        return True
    ends = [numbers.get(end, end) for end in span.split("-")]
    if len(ends) > 2 or not all(_is_number(end) and lowest <= int(end) <= highest for end in ends):
        return False
    return int(ends[0]) <= int(ends[-1])


def _is_number(text: str) -> bool:
    return (
        text.isascii() and text.isdecimal() and len(text) <= 4
    )  # int() refuses texts of thousands of digits
