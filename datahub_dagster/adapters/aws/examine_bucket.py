"""The hub's bucket: whether it is there, and what it is set to."""

from collections.abc import Generator
from enum import Enum
from typing import Any

from datahub_dagster.adapters.aws.asking import Answer, Question, ask
from datahub_dagster.adapters.aws.bucket_policy import BucketPolicy
from datahub_dagster.adapters.aws.clients import AwsClients
from datahub_dagster.domain.finding import Finding, Findings, Level, fault, fine, note
from datahub_dagster.settings import S3Root

BUCKET = "s3 bucket"
_MAKE = "infra/README.md has the Terraform that makes it so"
_COLD = ("GLACIER", "DEEP_ARCHIVE")  # storage from which nothing can be read at once


class Reach(Enum):
    """How far the doctor gets: into the bucket, to its door, or nowhere near it."""

    INSIDE = "it can be listed"
    DOOR = "it is there, and can't be listed"
    NOWHERE = "it is not there, or in another region"


def bucket(aws: AwsClients, root: S3Root, variable: str = "DATAHUB_ROOT") -> Generator[Finding, None, Reach]:
    """Whether a bucket is there and in the hub's region; gives back what more can be asked of it."""
    answer = ask(
        BUCKET, "s3:ListBucket", arn(root), lambda: aws.s3.head_bucket(Bucket=root.bucket), absent=("404",)
    )
    if isinstance(answer, Finding):
        yield answer
        return Reach.DOOR
    if not answer:
        yield fault(
            BUCKET, f"there is no bucket {root.bucket}", f"look at {variable}, or make it (infra/README.md)"
        )
        return Reach.NOWHERE
    region = answer.get("BucketRegion") or answer["ResponseMetadata"]["HTTPHeaders"].get(
        "x-amz-bucket-region", aws.region
    )
    if region != aws.region:
        found = f"{root.bucket} is in {region}, and the hub's region is {aws.region}"
        yield fault(BUCKET, found, f"export AWS_REGION={region}")
        return Reach.NOWHERE
    yield fine(BUCKET, f"{root}, in {region}")
    return Reach.INSIDE


def properties(aws: AwsClients, root: S3Root) -> Findings:
    """What the bucket is set to. The hub works without most of it, but is safer with it."""
    look = _Look(aws, root)
    yield from _versioning(look)
    yield from _encryption(look)
    yield from _public_access(look)
    yield from _ownership(look)
    yield from _lifecycle(look)
    yield from _policy(look)


def arn(root: S3Root, path: str = "") -> str:
    """The bucket's name for IAM, or that of what is below a folder of the hub."""
    if not path:
        return f"arn:aws:s3:::{root.bucket}"
    return f"arn:aws:s3:::{root.bucket}/{key(root, path)}"


def key(root: S3Root, path: str) -> str:
    """The key of a place in the hub."""
    return f"{root.prefix}/{path}" if root.prefix else path


def open_doors(aws: AwsClients, root: S3Root, subject: str) -> list[str] | Finding:
    """Which parts of the bucket's block on public access are not set."""
    answer = ask(
        subject,
        "s3:GetBucketPublicAccessBlock",
        arn(root),
        lambda: aws.s3.get_public_access_block(Bucket=root.bucket),
        absent=("NoSuchPublicAccessBlockConfiguration",),
        level=Level.NOTE,
    )
    if isinstance(answer, Finding):
        return answer
    block = answer.get("PublicAccessBlockConfiguration", {})
    wanted = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
    return [name for name in wanted if not block.get(name)]


class _Look:
    """Asks the bucket how it is set. What can't be asked is a note: the hub itself doesn't need to know."""

    def __init__(self, aws: AwsClients, root: S3Root) -> None:
        self.aws, self.root = aws, root
        self.s3 = aws.s3

    def ask(self, subject: str, action: str, question: Question, *absent: str) -> Answer | Finding:
        return ask(subject, action, arn(self.root), question, absent=absent, level=Level.NOTE)


def _versioning(look: _Look) -> Findings:
    subject = "s3 versioning"
    answer = look.ask(
        subject, "s3:GetBucketVersioning", lambda: look.s3.get_bucket_versioning(Bucket=look.root.bucket)
    )
    if isinstance(answer, Finding):
        yield answer
    elif answer.get("Status") == "Enabled":
        yield fine(subject, "on: what is overwritten or deleted by hand can be brought back")
    else:
        yield note(subject, "off: what is deleted by hand is gone", _MAKE)


def _encryption(look: _Look) -> Findings:
    subject = "s3 encryption"
    answer = look.ask(
        subject,
        "s3:GetEncryptionConfiguration",
        lambda: look.s3.get_bucket_encryption(Bucket=look.root.bucket),
        "ServerSideEncryptionConfigurationNotFoundError",
    )
    if isinstance(answer, Finding):
        yield answer
        return
    rules = answer.get("ServerSideEncryptionConfiguration", {}).get("Rules", [])
    by_default = [rule["ApplyServerSideEncryptionByDefault"] for rule in rules if rule]
    if not by_default:
        yield note(subject, "the bucket has no default encryption", _MAKE)
        return
    key_id = by_default[0].get("KMSMasterKeyID", "")
    yield fine(subject, f"by default {by_default[0]['SSEAlgorithm']} {key_id}".strip())


def _public_access(look: _Look) -> Findings:
    subject = "s3 public access"
    doors = open_doors(look.aws, look.root, subject)
    if isinstance(doors, Finding):
        yield doors
    elif doors:
        yield note(subject, f"not blocked: {', '.join(doors)}", _MAKE)
    else:
        yield fine(subject, "blocked")


def _ownership(look: _Look) -> Findings:
    subject = "s3 ownership"
    answer = look.ask(
        subject,
        "s3:GetBucketOwnershipControls",
        lambda: look.s3.get_bucket_ownership_controls(Bucket=look.root.bucket),
        "OwnershipControlsNotFoundError",
    )
    if isinstance(answer, Finding):
        yield answer
        return
    rules = answer.get("OwnershipControls", {}).get("Rules", [])
    if any(rule.get("ObjectOwnership") == "BucketOwnerEnforced" for rule in rules):
        yield fine(subject, "what a team of another account delivers belongs to the bucket's owner")
    else:
        found = (
            "what a team of another account delivers stays that account's: the hub may not be able to read it"
        )
        yield note(subject, found, _MAKE)


def _lifecycle(look: _Look) -> Findings:
    subject = "s3 lifecycle"
    answer = look.ask(
        subject,
        "s3:GetLifecycleConfiguration",
        lambda: look.s3.get_bucket_lifecycle_configuration(Bucket=look.root.bucket),
        "NoSuchLifecycleConfiguration",
    )
    if isinstance(answer, Finding):
        yield answer
        return
    rules = [rule for rule in answer.get("Rules", []) if rule.get("Status") == "Enabled"]
    for rule in rules:
        yield from _dangerous(look.root, rule)
    if any("AbortIncompleteMultipartUpload" in rule for rule in rules):
        yield fine(subject, "uploads that were broken off are removed")
    else:
        yield note(subject, "uploads that were broken off stay, unseen, and are paid for", _MAKE)


def _dangerous(root: S3Root, rule: dict[str, Any]) -> Findings:
    """A rule that removes, or puts out of reach, what the hub counts on."""
    chosen = rule.get("Filter", {})
    prefix = chosen.get("Prefix", chosen.get("And", {}).get("Prefix", rule.get("Prefix", "")))
    expires = rule.get("Expiration", {})
    acts = "removes" if "Days" in expires or "Date" in expires else ""
    if any(move.get("StorageClass") in _COLD for move in rule.get("Transitions", [])):
        acts = acts or "archives"
    for folder in ("releases/", "log/"):
        whole = key(root, folder)
        if acts and (whole.startswith(prefix) or prefix.startswith(whole)):
            found = f"rule {rule.get('ID', '?')} {acts} what is below {prefix or 'the whole bucket'}"
            yield fault(
                "s3 lifecycle",
                f"{found}, {whole} among it",
                "take that out of the rule: datahub gc alone may remove",
            )


def _policy(look: _Look) -> Findings:
    subject = "s3 policy"
    policy = BucketPolicy.of(look.aws, look.root.bucket, subject)
    if isinstance(policy, Finding):
        yield policy
        return
    release = arn(look.root, "releases/source/table/2026-01-01.1/part-0.parquet")
    if policy.lets_everybody("s3:GetObject", release):
        yield fault(
            subject,
            "everybody on the internet may read releases",
            "take the statement for everybody out of the policy",
        )
    lacks = [
        promise
        for promise, is_kept in {
            "requires TLS": policy.denies("s3:GetObject", release, "aws:SecureTransport"),
            "keeps releases from being deleted": policy.denies("s3:DeleteObject", release),
            "keeps releases from being overwritten": policy.denies(
                "s3:PutObject", release, "s3:if-none-match"
            ),
        }.items()
        if not is_kept
    ]
    if lacks:
        yield note(subject, f"no statement {', none '.join(lacks)}", _MAKE)
    else:
        yield fine(subject, "TLS only; nobody overwrites a release, and retention alone deletes one")
