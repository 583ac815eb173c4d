"""Where the documentation goes: whether it can be written, and whether as many may read it as the settings say."""

from datahub_dagster.adapters.aws.bucket_policy import BucketPolicy
from datahub_dagster.adapters.aws.clients import AwsClients
from datahub_dagster.adapters.aws.examine_bucket import Reach, arn, bucket, open_doors
from datahub_dagster.adapters.aws.examine_places import DELETE, LIST, READ, WRITE, place
from datahub_dagster.domain.finding import Finding, Findings, fault, fine, note
from datahub_dagster.settings import S3Root

DOCS = "docs"


def docs(aws: AwsClients, root: S3Root, docs_root: S3Root | None, *, public: bool) -> Findings:
    """The place of the docs: a bucket of their own, or below the hub's root."""
    target = docs_root or root
    if target.bucket != root.bucket:
        reach = yield from bucket(aws, target, "DATAHUB_DOCS_ROOT")
        if reach is Reach.NOWHERE:
            return
    yield from place(aws, target, "docs", (LIST, READ, WRITE, DELETE))
    yield from _readers(aws, target, public=public)


def _readers(aws: AwsClients, target: S3Root, *, public: bool) -> Findings:
    policy = BucketPolicy.of(aws, target.bucket, DOCS)
    doors = open_doors(aws, target, DOCS)
    if isinstance(policy, Finding):
        yield policy
        return
    if isinstance(doors, Finding):
        yield doors
        return
    is_blocked = not {"RestrictPublicBuckets", "BlockPublicPolicy"} & set(doors)
    is_open = policy.lets_everybody("s3:GetObject", arn(target, "docs/index.html"))
    if is_open and not is_blocked and not public:
        yield fault(
            DOCS,
            f"everybody on the internet may read {target}, and DATAHUB_DOCS_PUBLIC is false",
            "block public access of the bucket, or: export DATAHUB_DOCS_PUBLIC=true",
        )
    elif public and not is_open:
        found = (
            f"DATAHUB_DOCS_PUBLIC is true, and {target} is not public: only what stands before it may read it"
        )
        yield note(DOCS, found, "let everybody read it (infra/README.md), unless CloudFront serves it")
    elif public and is_blocked:
        yield note(
            DOCS, f"{target} has a policy for everybody, and its public access is blocked", "choose one"
        )
    else:
        yield fine(DOCS, f"{target}: {'everybody' if public else 'nobody without permission'} may read it")
