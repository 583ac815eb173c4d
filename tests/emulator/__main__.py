"""Starts the emulator on the port in GATEWAY_PORT of 127.0.0.1: `.venv-emulator/bin/python -m tests.emulator`."""

# pyright: reportMissingImports=false
import os
import sys
import threading

# ministack reads these when it is imported, and listens on every interface if it isn't told otherwise.
os.environ.update(
    BIND_HOST="127.0.0.1",
    SERVICES="s3,glue,athena,sts,iam,sqs,secretsmanager,ssm,kms",
    IOT_MTLS_ENABLED="0",
    SFTP_ENABLED="0",
    PERSIST_STATE="0",
    S3_PERSIST="0",
    ATHENA_ENGINE="duckdb",
)
os.environ.setdefault("MINISTACK_HOST", "localhost")
os.environ.setdefault("LOG_LEVEL", "ERROR")

from ministack.app import main

from tests.emulator import athena, glue, s3


def end_with_parent() -> None:
    """End when standard input does: the process that started this holds its other end, and closes it by dying."""
    sys.stdin.buffer.read()
    os._exit(0)


if __name__ == "__main__":
    if os.environ.get("EMULATOR_ENDS_WITH_STDIN") == "1":
        threading.Thread(target=end_with_parent, daemon=True).start()
    for service in (s3, glue, athena):
        service.install()
    main()
