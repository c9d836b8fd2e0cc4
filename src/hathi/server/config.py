"""Settings of a server: every one has a flag, an environment variable and a default, read once at start.

`--root DIR` is the one folder that holds everything; deleting it forgets the server.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

from hathi.datum.limits import MAX_PROCESSES
from hathi.model.errors import InvalidError

RUNTIMES = ("auto", "process", "docker", "external")
LOG_FORMATS = ("text", "json")


@dataclass(frozen=True, slots=True)
class Settings:
    """How one server runs.

    root: folder for the database, the objects, the logs and the workers' scratch space.
    host, port: where gRPC listens; port 0 picks a free one.
    runtime: what runs user code, one of RUNTIMES; `auto` is Docker when an engine answers at the root folder's first
    start, else processes, and stays what it was; `external` starts no workers.
    log_format: `text` for people, `json` for collectors.
    database: SQLAlchemy URL, or "" for a SQLite file in the root folder.
    fetch_allow: networks that a URL put may reach besides the usual ones, or `none` for no URL puts.
    insecure: `host` may be one that other machines reach, although everybody who does may do everything.
    stream_idle: seconds after which a call is ended whose client sends and reads nothing.
    max_workers: how many workers this machine runs at a time, shared by all pipelines; 0 for what fits the machine.
    max_processes: how many processes and threads the commands of one worker may have at a time; 0 for any.
    gc_interval: most seconds between two garbage collections while anything changes; 0 for only on request.
    log_days, log_megabytes: how old, and for each pipeline how large, the logs of user code may get.
    show: folders in /tmp or in home folders that the process runtime lets user code read; these appear empty otherwise.
    """

    root: Path
    host: str = "127.0.0.1"
    port: int = 30650
    runtime: str = "auto"
    log_format: str = "text"
    database: str = ""
    show: tuple[Path, ...] = ()
    insecure: bool = False
    fetch_allow: tuple[str, ...] = ()
    stream_idle: float = 1800.0
    max_workers: int = 0
    max_processes: int = MAX_PROCESSES
    gc_interval: float = 3600.0
    log_days: float = 30.0
    log_megabytes: int = 1024

    @property
    def database_url(self) -> str:
        """Where metadata rests."""
        return self.database or f"sqlite:///{self.root / 'pachd.db'}"

    @property
    def objects(self) -> Path:
        """Where bytes rest."""
        return self.root / "objects"

    @property
    def logs(self) -> Path:
        """Where the logs of user code rest."""
        return self.root / "logs"

    @property
    def scratch(self) -> Path:
        """Where workers stage datums; emptied at every start."""
        return self.root / "scratch"

    def checked(self) -> Settings:
        """Return self, or raise InvalidError naming the setting that is wrong and what it may be."""
        if self.runtime not in RUNTIMES:
            raise InvalidError(f"--runtime {self.runtime}: must be one of {', '.join(RUNTIMES)}")
        if self.log_format not in LOG_FORMATS:
            raise InvalidError(f"--log-format {self.log_format}: must be one of {', '.join(LOG_FORMATS)}")
        if self.max_workers < 0:
            raise InvalidError(f"--max-workers {self.max_workers}: must be a number, or 0 for what fits the machine")
        if self.max_processes < 0:
            raise InvalidError(f"--max-processes {self.max_processes}: must be a number, or 0 for any")
        if not 0 <= self.port <= 65535:
            raise InvalidError(f"--port {self.port}: must be between 0 and 65535")
        if not self.insecure and not is_loopback(self.host):
            raise InvalidError(
                f"--host {self.host or '(empty)'} lets other machines in, and pachd asks for no password and speaks no "
                "TLS: listen on 127.0.0.1 and put a proxy or a firewall before it, or say --insecure"
            )
        if not 1 <= self.stream_idle <= 1_000_000:
            raise InvalidError(f"--stream-idle {self.stream_idle}: must be between 1 and 1000000 seconds")
        if not 0 <= self.gc_interval <= 10_000_000:
            raise InvalidError(f"--gc-interval {self.gc_interval}: must be between 0 and 10000000 seconds")
        if not 0 < self.log_days <= 100_000:
            raise InvalidError(f"--log-days {self.log_days}: must be more than 0 and at most 100000")
        if not 16 <= self.log_megabytes <= 1 << 30:
            raise InvalidError(f"--log-megabytes {self.log_megabytes}: must be at least 16")
        return self


def is_loopback(host: str) -> bool:
    """Return whether only this machine reaches what listens on `host`, as far as the name alone says it."""
    if host == "localhost":
        return True
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def default_root(environment: Mapping[str, str]) -> Path:
    """Return the root folder used when none is given: ~/.hathi."""
    return Path(environment.get("HOME", "/")) / ".hathi"
