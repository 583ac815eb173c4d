"""Whole processes, timed from outside: wall seconds and peak memory, several runs in turn."""

import os
import statistics
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryFile


@dataclass(frozen=True)
class Run:
    """One finished process. `peak_mib` is of its largest single process, itself or a child, as the kernel counts."""

    seconds: float
    peak_mib: float
    output: str


@dataclass
class Series:
    """The runs of one command."""

    name: str
    runs: list[Run] = field(default_factory=list)

    @property
    def median(self) -> float:
        return statistics.median(run.seconds for run in self.runs)

    def summary(self) -> dict[str, float | int | str]:
        seconds = [run.seconds for run in self.runs]
        return {
            "command": self.name,
            "runs": len(seconds),
            "median_s": round(statistics.median(seconds), 2),
            "min_s": round(min(seconds), 2),
            "max_s": round(max(seconds), 2),
            "peak_mib": round(max(run.peak_mib for run in self.runs)),
        }


def run(command: Sequence[str], environment: Mapping[str, str], cwd: Path) -> Run:
    """Run a command to its end. Raises `RuntimeError` with its output if it fails."""
    with TemporaryFile("w+") as output:
        begun = time.perf_counter()
        process = subprocess.Popen(
            command, env=dict(environment), cwd=cwd, stdout=output, stderr=subprocess.STDOUT
        )
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - begun
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        text = output.read()
    if process.returncode != 0:
        raise RuntimeError(f"{' '.join(command)} ended with {process.returncode}\n{text}")
    return Run(seconds, usage.ru_maxrss / 1024, text)


def in_turn(
    rounds: int, contestants: Mapping[str, Callable[[int], Run]], warm_ups: int = 1
) -> dict[str, Series]:
    """A B C A B C ...: what disturbs the machine disturbs all of them. The warm-ups are not counted.

    Args:
        rounds: Counted runs of each contestant.
        contestants: Called with the number of the round; numbers are never used twice.
        warm_ups: Rounds before the counted ones.
    """
    series = {name: Series(name) for name in contestants}
    for number in range(rounds + warm_ups):
        for name, contestant in contestants.items():
            result = contestant(number)
            if number >= warm_ups:
                series[name].runs.append(result)
    return series


def ratio(first: Series, second: Series) -> float:
    """Median of the ratios pair by pair, which holds when the machine's speed drifts."""
    pairs = zip(first.runs, second.runs, strict=True)
    return statistics.median(one.seconds / other.seconds for one, other in pairs)
