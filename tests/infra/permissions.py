"""The tables of `infra/README.md`: which actions of AWS each role needs."""

import re

from tests.conftest import REPO

README = (REPO / "infra/README.md").read_text(encoding="utf-8")


def told_actions(role: str) -> list[str]:
    """The actions that the README tells for a role, as IAM calls them, repeated ones as often as they are told."""
    (section,) = re.findall(rf"^### {role}$(.*?)^##", README, flags=re.MULTILINE | re.DOTALL)
    return re.findall(r"`([a-z0-9]+:[A-Z][A-Za-z]+)`", section)
