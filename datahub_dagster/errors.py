"""What stops the work, as one tree.

A result that is merely bad, an audit with failures or a delivery with faults, is a value (see `domain`). An exception is for
what stops the work. Each one says what is wrong, what was promised, what was found, who is affected and what to do next, and
carries the exit code of the command that it ends.

    HubError
    ├── RefusedError               1  the hub says no
    │   ├── ContractError             a team's YAML can't be read or promises something impossible
    │   ├── DeliveryError             a delivery can't be taken in (it does not exist, or is not one)
    │   └── RetentionError            a release asked for is no longer kept, or must be kept
    ├── UsageError                 2  the command or a setting is wrong
    │   ├── SettingsError
    │   ├── UnknownDatasetError
    │   └── UnknownReleaseError
    ├── OutsideError               3  something that the hub depends on failed
    │   ├── StorageError              the disk or the object store
    │   ├── CatalogError              the catalog, or somebody else's table is in the way
    │   ├── CorruptError              a state, a record or a list of files can't be read
    │   ├── EngineError               dbt or the query engine
    │   ├── ChannelError              chat, e-mail or pager did not take a message
    │   └── UnexpectedError           nobody foresaw it: a fault of the hub itself, as a rule
    └── ConflictError              4  somebody was faster; try again
        └── AlreadyExistsError        a write-once object is there already
"""

from enum import IntEnum


class ExitCode(IntEnum):
    """How a command ends; documented in the reference of the command line."""

    FINE = 0
    REFUSED = 1
    USAGE = 2
    OUTSIDE = 3
    CONFLICT = 4


class HubError(Exception):
    """Root of the hub's own errors.

    Args:
        reason: One sentence: what is wrong.
        subject: The dataset, file or setting that it is about; stands before the reason.
        promised: What the contract says, with file and line where there is one.
        found: What is there instead, with the place.
        consumers: What this means for those who read the data.
        next_step: The next command, or what a person should do.
    """

    exit_code = ExitCode.REFUSED

    def __init__(
        self,
        reason: str,
        *,
        subject: str | None = None,
        promised: str | None = None,
        found: str | None = None,
        consumers: str | None = None,
        next_step: str | None = None,
    ) -> None:
        self.reason = reason
        self.subject = subject
        self.promised = promised
        self.found = found
        self.consumers = consumers
        self.next_step = next_step
        super().__init__(self.headline)

    @property
    def headline(self) -> str:
        """The first line alone."""
        return f"{self.subject}: {self.reason}" if self.subject else self.reason

    def __str__(self) -> str:
        """The whole message, a line for each thing that is known.

        >>> print(
        ...     RefusedError(
        ...         "no column settled_at",
        ...         subject="payments.orders",
        ...         next_step="datahub show payments.orders",
        ...     )
        ... )
        payments.orders: no column settled_at
          next       datahub show payments.orders
        """
        details = {
            "promised": self.promised,
            "found": self.found,
            "consumers": self.consumers,
            "next": self.next_step,
        }
        return "\n".join(
            [self.headline, *(f"  {label:<10} {text}" for label, text in details.items() if text)]
        )


class RefusedError(HubError):
    """The hub says no: contract, delivery or audit."""


class ContractError(RefusedError):
    """A team's YAML can't be read, or promises something impossible."""


class DeliveryError(RefusedError):
    """A delivery can't be taken in: it does not exist, or is not one."""


class RetentionError(RefusedError):
    """A release asked for is no longer kept, or one to be removed must be kept."""


class UsageError(HubError):
    """The command or a setting is wrong."""

    exit_code = ExitCode.USAGE


class SettingsError(UsageError):
    """A `DATAHUB_*` variable has a value that can't be used."""


class UnknownDatasetError(UsageError):
    """No contract has that name."""


class UnknownReleaseError(UsageError):
    """The dataset has no such release or generation."""


class OutsideError(HubError):
    """Something that the hub depends on failed; nothing of the hub's state changed."""

    exit_code = ExitCode.OUTSIDE


class StorageError(OutsideError):
    """The disk or the object store refused."""


class CatalogError(OutsideError):
    """The catalog refused, or holds a table of that name that is not the hub's."""


class CorruptError(OutsideError):
    """A state, a record or a list of files can't be read. It is never written over."""


class NewerSchemaError(CorruptError):
    """A later version of the hub wrote a file in a way that this one does not know."""


class EngineError(OutsideError):
    """dbt or the query engine failed as a whole (a single failing test is a result, not this)."""


class ChannelError(OutsideError):
    """A chat, a mail server or a pager did not take a message. It is tried again."""


class UnexpectedError(OutsideError):
    """Something that nobody foresaw went wrong: a fault of the hub itself, as a rule."""


class ConflictError(HubError):
    """Somebody was faster. Trying again is safe."""

    exit_code = ExitCode.CONFLICT


class AlreadyExistsError(ConflictError):
    """A write-once object is there already."""
