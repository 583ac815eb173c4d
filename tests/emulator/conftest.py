"""Most modules here run in the emulator's own process, and import what only its environment has."""

from pathlib import Path

# pytest imports every module to look for doctests. These it can:
IMPORTABLE = {"__init__.py", "conftest.py", "launch.py", "shop.py"}
collect_ignore = [
    file.name
    for file in Path(__file__).parent.glob("*.py")
    if file.name not in IMPORTABLE and not file.name.startswith("test_")
]
