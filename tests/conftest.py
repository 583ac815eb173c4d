"""What every test may rely on: an environment that is the same on every machine.

The developer's own settings, AWS profile, Dagster home, dbt profile, time zone and terminal are invisible.
This happens before the first test module is imported, so it also holds for fixtures that outlive a test and
for the processes they start.
"""

import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

REPO = Path(__file__).resolve().parent.parent

pytest_plugins = ["tests.aws"]  # the emulator and an AWS account in it, for tests marked `aws`

# The hub's own settings, and those of the libraries and tools around it. A test that wants one sets it.
HIDDEN_PREFIXES = ("DATAHUB_", "AWS_", "DAGSTER_", "DBT_", "LC_", "MAKE", "XDG_")
HIDDEN = {"COLUMNS", "LINES", "FORCE_COLOR", "NO_COLOR", "LANGUAGE"}  # what shapes text for a terminal
HIDDEN |= {"GIT_DIR", "GIT_INDEX_FILE", "GIT_WORK_TREE"}  # what git tells its hooks, and every git below them

# No test tells anybody outside that it runs.
QUIET = {
    "DO_NOT_TRACK": "1",
    "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
    "DAGSTER_DISABLE_TELEMETRY": "yes",
}

# What must not matter is fixed to a value at which it would show if it did: no team of the hub's is in
# Kathmandu, and its offset of 5:45 is nobody's default.
FIXED = {
    "TZ": "Asia/Kathmandu",
    "LANG": "C.UTF-8",
    "NO_PROXY": "127.0.0.1,localhost",
    "no_proxy": "127.0.0.1,localhost",
    "AWS_EC2_METADATA_DISABLED": "true",  # without credentials, botocore would ask the network for some
}

_undo = pytest.MonkeyPatch()

# The first example of a property may import a library: that is no reason to call it slow.
hypothesis.settings.register_profile("hub", deadline=None)
hypothesis.settings.load_profile("hub")


def pytest_configure() -> None:
    """Hide the developer's environment until the session ends."""
    home = Path(tempfile.mkdtemp(prefix="datahub-tests-home-"))
    for name in list(os.environ):
        if name.startswith(HIDDEN_PREFIXES) or name in HIDDEN:
            _undo.delenv(name)
    # With a home of its own no test finds ~/.aws, ~/.dbt or ~/.dagster.
    for name, value in {**QUIET, **FIXED, "HOME": str(home)}.items():
        _undo.setenv(name, value)
    time.tzset()


def pytest_unconfigure() -> None:
    """Give the environment back."""
    home = os.environ["HOME"]
    _undo.undo()
    time.tzset()
    shutil.rmtree(home, ignore_errors=True)


@pytest.fixture(autouse=True)
def environment_is_left_as_found() -> Iterator[None]:
    """Keeps a library that writes to `os.environ` from reaching the next test."""
    before = dict(os.environ)
    yield
    before["PYTEST_CURRENT_TEST"] = os.environ.get("PYTEST_CURRENT_TEST", "")  # pytest's own, and it changes
    for name in os.environ.keys() - before.keys():
        del os.environ[name]
    os.environ.update(before)


@pytest.fixture(scope="session")
def chromium() -> Path:
    """Debian's Chromium, for `playwright.chromium.launch(executable_path=...)`.

    Where there is none the test is skipped; in CI it fails.
    """
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found:
        return Path(found)
    if os.environ.get("CI"):
        pytest.fail("CI has no Chromium: add it to debian_packages in .ci/run")
    pytest.skip("no Chromium here (Debian: sudo apt-get install chromium)")
