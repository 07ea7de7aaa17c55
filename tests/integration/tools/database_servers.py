"""Database servers of one's own, started from what is installed, on free ports, and ended with the tests."""

from __future__ import annotations

import getpass
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def _unprivileged() -> str | None:
    """A user to run PostgreSQL as, which refuses root."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        with suppress(KeyError):
            return pwd.getpwnam(name).pw_name
    return None


@contextmanager
def postgresql() -> Iterator[str]:
    """A PostgreSQL server; gives the URL of its superuser."""
    folder, user, port = Path(tempfile.mkdtemp(prefix="pg-")), _unprivileged(), free_port()
    if user:
        shutil.chown(folder, user)
    run = {"user": user} if user else {}
    try:
        subprocess.run(
            ["initdb", "-D", str(folder / "data"), "-A", "trust", "-U", "admin", "--no-sync", "-E", "UTF8"],
            check=True, capture_output=True, cwd=folder, **run,
        )  # fmt: skip
        server = subprocess.Popen(
            ["postgres", "-D", str(folder / "data"), "-k", str(folder), "-p", str(port),
             "-c", "listen_addresses=127.0.0.1", "-c", "fsync=off"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=folder, **run,
        )  # fmt: skip
        with _until_it_listens(server, port):
            yield f"postgresql://admin@127.0.0.1:{port}/postgres"
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def mariadb() -> Iterator[str]:
    """A MariaDB server; gives the URL of its superuser, who has no password."""
    folder, port = Path(tempfile.mkdtemp(prefix="maria-")), free_port()
    me = getpass.getuser()
    try:
        subprocess.run(
            ["mariadb-install-db", "--no-defaults", f"--datadir={folder / 'data'}", f"--user={me}",
             "--auth-root-authentication-method=normal", "--skip-test-db"],
            check=True, capture_output=True,
        )  # fmt: skip
        server = subprocess.Popen(
            ["mariadbd", "--no-defaults", f"--datadir={folder / 'data'}", f"--user={me}", f"--port={port}",
             "--bind-address=127.0.0.1", f"--socket={folder / 'sock'}", f"--pid-file={folder / 'pid'}"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        with _until_it_listens(server, port):
            yield f"mysql+pymysql://root@127.0.0.1:{port}/mysql"
    finally:
        shutil.rmtree(folder, ignore_errors=True)


SERVERS: dict[str, tuple[tuple[str, ...], str, Callable[[], object]]] = {
    "postgresql": (("initdb", "postgres"), "psycopg", postgresql),
    "mariadb": (("mariadbd", "mariadb-install-db"), "pymysql", mariadb),
}
"""Of each server what must be on the path, the driver, and how it is started."""


@contextmanager
def _until_it_listens(server: subprocess.Popen[bytes], port: int) -> Iterator[None]:
    try:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            if server.poll() is not None:
                raise RuntimeError(f"the database server ended with {server.returncode}")
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                time.sleep(0.05)
        yield
    finally:
        server.terminate()
        try:
            server.wait(30)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()
