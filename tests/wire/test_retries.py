"""Only calls that change nothing are repeated by themselves."""

from __future__ import annotations

import json

from hathi.wire.gen import admin_pb2, auth_pb2, hathi_pb2, pfs_pb2, pps_pb2, transaction_pb2, version_pb2
from hathi.wire.retries import reading_methods, service_config

MODULES = (admin_pb2, auth_pb2, hathi_pb2, pfs_pb2, pps_pb2, transaction_pb2, version_pb2)
FILES = [module.DESCRIPTOR for module in MODULES]
CHANGING = ("Create", "Delete", "Put", "Modify", "Start", "Finish", "Stop", "Restart", "Squash", "Drop", "Clear", "Set")


def test_reads_are_repeated_and_changes_are_not() -> None:
    names = {entry["method"] for entry in reading_methods(FILES)}
    assert {"InspectRepo", "ListFile", "GetFileTAR", "GetLogs", "InspectJob", "Catalogue"} <= names
    assert not [name for name in names if name.startswith(CHANGING)]
    assert not names & {"ModifyFile", "AppendLogs", "Report", "Claim", "GetRobotToken", "GetVersion"}


def test_the_number_of_tries_is_bounded() -> None:
    [method] = json.loads(service_config(FILES))["methodConfig"]
    assert method["retryPolicy"]["maxAttempts"] == 4
    assert method["retryPolicy"]["retryableStatusCodes"] == ["UNAVAILABLE"]
