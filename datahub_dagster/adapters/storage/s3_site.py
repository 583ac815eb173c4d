"""Where the pages of a hub on AWS are: as objects that a browser is told the type and the age of."""

import hashlib
import json
import logging
from pathlib import PurePosixPath

from botocore.exceptions import BotoCoreError, ClientError

from datahub_dagster.adapters.aws.bucket_policy import BucketPolicy
from datahub_dagster.adapters.aws.clients import AwsClients
from datahub_dagster.adapters.aws.failures import code_of, failure, status_of
from datahub_dagster.adapters.storage.s3 import S3Storage
from datahub_dagster.domain.names import Location
from datahub_dagster.errors import SettingsError

logger = logging.getLogger(__name__)

_TYPES = {
    ".atom.xml": "application/atom+xml; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".feed.json": "application/feed+json; charset=utf-8",
    ".gz": "application/gzip",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json; charset=utf-8",
    ".md": "text/markdown; charset=utf-8",
    ".svg": "image/svg+xml; charset=utf-8",
    ".txt": "text/plain; charset=utf-8",
    ".xml": "application/xml; charset=utf-8",
    ".yaml": "application/yaml; charset=utf-8",
}
_ASK_EACH_TIME = "no-cache"
_FOR_EVER = (
    "public, max-age=31536000, immutable"  # what lies in assets/ has the digest of its content in its name
)


class S3SiteStorage(S3Storage):
    """Storage of pages.

    Args:
        aws: Clients.
        bucket: Its name.
        prefix: Stands before every key.
        kms_key: The key that encrypts pages; not used for public ones, since nobody else may use the key.
        public: Whether anybody may read them. It is the bucket's policy that lets them, and not this class.
    """

    def __init__(
        self, aws: AwsClients, bucket: str, prefix: str = "", *, kms_key: str = "", public: bool = False
    ) -> None:
        super().__init__(aws, bucket, prefix, kms_key="" if public else kms_key)
        self._public = public

    def replace(self, location: Location, content: bytes) -> None:
        key = self._key(location)
        with self._outside("s3:PutObject", key):
            self._put(
                key,
                content,
                hashlib.sha256(content).digest(),
                ContentType=_type_of(PurePosixPath(location.path)),
                CacheControl=_FOR_EVER if "assets" in location.path.split("/") else _ASK_EACH_TIME,
            )

    def refuse_if_public(self) -> None:
        """See to it that pages which are not for everybody are not put where everybody reads.

        Raises:
            SettingsError: The bucket's policy lets anybody read, and the settings don't say so.
        """
        if self._public or not self._has_public_policy() or self._is_blocked():
            return
        raise SettingsError(
            "is a bucket that anybody may read, and the docs are not public",
            subject=f"s3://{self.bucket}",
            promised="DATAHUB_DOCS_PUBLIC=false: they go to no public bucket",
            found="the bucket's policy is public, and no public-access block restricts it",
            consumers="still read the former pages",
            next_step=f"block it (aws s3api put-public-access-block --bucket {self.bucket} ...), set DATAHUB_DOCS_ROOT to "
            "another bucket, or export DATAHUB_DOCS_PUBLIC=true if everybody may read them",
        )

    def _has_public_policy(self) -> bool:
        status = self._ask("get_bucket_policy_status", "s3:GetBucketPolicyStatus").get("PolicyStatus")
        if status is None or "IsPublic" in status:
            return bool(status and status["IsPublic"])
        # Something that speaks S3, and does not judge policies.
        text = str(self._ask("get_bucket_policy", "s3:GetBucketPolicy").get("Policy", "{}"))
        return BucketPolicy(json.loads(text)).lets_everybody("s3:GetObject", f"arn:aws:s3:::{self.bucket}/x")

    def _is_blocked(self) -> bool:
        """Whether a public policy has no effect, whatever it says."""
        answer = self._ask("get_public_access_block", "s3:GetBucketPublicAccessBlock")
        return bool(answer.get("PublicAccessBlockConfiguration", {}).get("RestrictPublicBuckets"))

    def _ask(self, call: str, action: str) -> dict[str, dict[str, object]]:
        """What S3 says of the bucket; nothing where there is nothing to say, or it may not be asked, which is logged."""
        try:
            return getattr(self._aws.s3, call)(Bucket=self.bucket)
        except (ClientError, BotoCoreError) as error:
            if code_of(error) in ("NoSuchBucketPolicy", "NoSuchPublicAccessBlockConfiguration"):
                return {}
            told = failure(error, action, f"s3://{self.bucket}")
            if status_of(error) not in (403, 405, 501):
                raise told from error
            logger.warning("docs: whether the bucket is public can't be asked: %s", told)
            return {}


def _type_of(path: PurePosixPath) -> str:
    """Of a file, by its last two endings (`.atom.xml`), else by its last."""
    two = "".join(path.suffixes[-2:])
    return _TYPES.get(two) or _TYPES.get(path.suffix, "application/octet-stream")
