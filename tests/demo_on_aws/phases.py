"""What the demo prints while it runs: each line with the time, and at the end how long each phase took."""

import time


class Phases:
    """Seconds since the beginning, and since each phase began."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._phases: list[tuple[str, float]] = []

    def begin(self, name: str, text: str) -> None:
        """A phase begins, which ends the one before it."""
        self._phases.append((name, time.monotonic()))
        self.say(f"{name}: {text}")

    def say(self, text: str) -> None:
        """Print a line with the time."""
        print(f"{time.monotonic() - self._began:6.1f} s  {text}", flush=True)

    def summary(self) -> str:
        """How long each phase took; the last one until now."""
        ends = [*(began for _, began in self._phases[1:]), time.monotonic()]
        took = [f"{name} {end - began:.0f} s" for (name, began), end in zip(self._phases, ends, strict=True)]
        return ", ".join(took)
