"""How a query ends when it doesn't succeed, in Athena's words as far as they are known."""

import re
from typing import Self

# What DuckDB says of a mistake, and what Athena calls it. All else stays in DuckDB's words.
REASONS = (
    (r"Division by zero", "DIVISION_BY_ZERO: Division by zero"),
    (r'Referenced column "(.+?)" not found', r"COLUMN_NOT_FOUND: Column '\1' cannot be resolved"),
    (r"Function with name (\w+) does not exist", r"FUNCTION_NOT_FOUND: Function '\1' not registered"),
    (r"Could not convert string '(.*?)' to (\w+)", r"INVALID_CAST_ARGUMENT: Cannot cast '\1' to \2"),
)


class QueryFailedError(Exception):
    """The query ends FAILED, with this text as StateChangeReason."""

    @classmethod
    def because(cls, problem: Exception) -> Self:
        """DuckDB's refusal, told as Athena would."""
        for pattern, reason in REASONS:
            found = re.search(pattern, str(problem))
            if found:
                return cls(found.expand(reason))
        return cls(str(problem))


class CutoffExceededError(Exception):
    """The query ends CANCELLED: it would read more bytes than its workgroup allows."""

    def __init__(self, scanned_bytes: int) -> None:
        super().__init__("Bytes scanned limit was exceeded")
        self.scanned_bytes = scanned_bytes
