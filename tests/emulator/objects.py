"""The objects that a query reads, as files that DuckDB can read."""

# pyright: reportMissingImports=false
import shutil
import tempfile
from bisect import bisect_left
from pathlib import Path

from ministack.services import s3


class Copies:
    """Copies of objects in a folder that lives as long as the query."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="athena-"))
        self._keys: dict[str, list[str]] = {}  # bucket → its keys in order, as they were when first asked for
        self._locations = 0

    def below(self, location: str) -> list[str]:
        """Files with the objects under the location, in the order of their keys.

        As Hive does, without those whose name, or a folder's name below the location, begins with `_` or `.`.
        """
        bucket, _, prefix = location.removeprefix("s3://").partition("/")
        prefix = prefix and prefix.rstrip("/") + "/"
        self._locations += 1
        files = []
        for key in self._keys_below(bucket, prefix):
            name = key.removeprefix(prefix)
            if name.endswith("/") or any(part.startswith(("_", ".")) for part in name.split("/")):
                continue
            content = s3._get_object_data(bucket, key)
            if content is not None:  # else it was deleted meanwhile
                file = self._folder / str(self._locations) / name
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(content)
                files.append(str(file))
        return files

    def _keys_below(self, bucket: str, prefix: str) -> list[str]:
        if bucket not in self._keys:
            keys = list(
                (s3._buckets.get(bucket) or {"objects": {}})["objects"]
            )  # other requests change it meanwhile
            self._keys[bucket] = sorted(keys)
        keys = self._keys[bucket]
        first = bisect_left(keys, prefix)
        after = next(
            (place for place in range(first, len(keys)) if not keys[place].startswith(prefix)), len(keys)
        )
        return keys[first:after]

    def remove(self) -> None:
        """Remove the files."""
        shutil.rmtree(self._folder, ignore_errors=True)
