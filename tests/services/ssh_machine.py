"""Linux machines that SSH reaches: sshd on a port of its own, with its own host key, user, password and home.

As root, the user ``me`` exists in a mount namespace of the server alone. Otherwise the user is whoever runs the
tests, with another home.
"""

from __future__ import annotations

import contextlib
import getpass
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from services.loopback import free_port

__all__ = ["INSTALL", "PASSWORD", "Cable", "SshMachine", "find_server", "running_machine"]

TOOL = Path(__file__).parents[2] / "tools" / "ssh-server"
INSTALL = "tools/ssh-server install"
PASSWORD = "correct horse battery"
UID = 54321
IS_ROOT = os.geteuid() == 0

CONFIG = """\
Port {port}
ListenAddress 127.0.0.1
HostKey {directory}/host_key
PidFile {directory}/sshd.pid
AuthorizedKeysFile {directory}/authorized_keys
PasswordAuthentication {passwords}
KbdInteractiveAuthentication no
UsePAM no
StrictModes no
Subsystem sftp internal-sftp
MaxStartups 100
AllowTcpForwarding yes
SetEnv HOME={home}
"""
# The server sees its own user, its own /run and a very small disk; nobody else does.
AS_ROOT = """\
mount --bind "$1/passwd" /etc/passwd && mount --bind "$1/shadow" /etc/shadow && mount -t tmpfs none /run &&
mkdir -p /run/sshd && mount -t tmpfs -o size=2m,mode=0777 none "$1/home/small" &&
exec "$2" -D -f "$1/sshd_config" -E "$1/sshd.log"
"""


@dataclass
class SshMachine:
    """A machine that can be switched off and on."""

    directory: Path
    program: str
    port: int
    process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    @property
    def user(self) -> str:
        return "me" if IS_ROOT else getpass.getuser()

    @property
    def python(self) -> str:
        """A Python that the machine's user can execute."""
        return "/usr/bin/python3" if IS_ROOT else sys.executable

    @property
    def home(self) -> Path:
        return self.directory / "home"

    @property
    def key_file(self) -> Path:
        return self.directory / "user_key"

    @property
    def fingerprint(self) -> str:
        command = ["ssh-keygen", "-l", "-f", str(self.directory / "host_key.pub")]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()[1]

    @property
    def known_hosts(self) -> Path:
        """A file that knows this machine, and only this one."""
        path = self.directory / "known_hosts"
        key = " ".join((self.directory / "host_key.pub").read_text().split()[:2])
        path.write_text(f"[127.0.0.1]:{self.port} {key}\n")
        return path

    def settings(self, **more: object) -> dict[str, object]:
        """What a compute target of it needs."""
        return {
            "host": f"127.0.0.1:{self.port}",
            "user": self.user,
            "key_file": str(self.key_file),
            "known_hosts": str(self.known_hosts),
            "python": self.python,
            **more,
        }

    def settings_through(self, cable: Cable, **more: object) -> dict[str, object]:
        """What a compute target needs that reaches the machine through a cable."""
        wanted = {"host": f"127.0.0.1:{cable.port}", "known_hosts": None, "fingerprint": self.fingerprint, **more}
        return self.settings(**wanted)

    def start(self) -> None:
        command = [
            self.program,
            "-D",
            "-f",
            str(self.directory / "sshd_config"),
            "-E",
            str(self.directory / "sshd.log"),
        ]
        if IS_ROOT:
            command = ["unshare", "--mount", "sh", "-c", AS_ROOT, "sh", str(self.directory), self.program]
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True)
        until = time.monotonic() + 20
        while not _answers(self.port):
            if self.process.poll() is not None or time.monotonic() > until:
                raise RuntimeError((self.directory / "sshd.log").read_text())
            time.sleep(0.02)

    def stop(self) -> None:
        """Kill the server and every connection; jobs, which belong to no connection, go on."""
        if self.process is not None:
            for pid in [*_descendants(self.process.pid), self.process.pid]:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            self.process.wait()
            self.process = None

    def jobs(self) -> list[str]:
        """Everything that is left of jobs on the machine, by path."""
        root = self.home / ".aml" / "jobs"
        return sorted(
            str(path.relative_to(root)) for path in root.rglob("*") if not path.is_dir() or path.name[:4] == "aml-"
        )


@contextlib.contextmanager
def running_machine(program: str) -> Iterator[SshMachine]:
    """A machine, switched on, that is gone afterwards."""
    # Not below pytest's directory: that is closed to the machine's user.
    directory = Path(tempfile.mkdtemp(prefix="aml-machine-"))
    machine = SshMachine(directory, program, free_port())
    try:
        _furnish(machine)
        machine.start()
        yield machine
    finally:
        machine.stop()
        shutil.rmtree(directory)


def find_server() -> str | None:
    """Return sshd's path, None where it is not installed."""
    done = subprocess.run([TOOL, "find"], capture_output=True, text=True, check=False)
    return done.stdout.strip() or None


def _furnish(machine: SshMachine) -> None:
    directory = machine.directory
    directory.chmod(0o755)
    machine.home.mkdir()
    for name in ("host_key", "user_key"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(directory / name)], check=True)
    shutil.copy(directory / "user_key.pub", directory / "authorized_keys")
    config = CONFIG.format(
        port=machine.port, directory=directory, home=machine.home, passwords="yes" if IS_ROOT else "no"
    )
    (directory / "sshd_config").write_text(config)
    # People's start files print things.
    (machine.home / ".bashrc").write_text("echo welcome to this machine\n")
    if IS_ROOT:
        (machine.home / "small").mkdir()
        os.chown(machine.home, UID, UID)
        hashed = subprocess.run(["openssl", "passwd", "-6", PASSWORD], capture_output=True, text=True, check=True)
        users = [f"me:x:{UID}:{UID}::{machine.home}:/bin/bash"]
        users += [
            f"{user.pw_name}:x:{user.pw_uid}:{user.pw_gid}::{user.pw_dir}:{user.pw_shell}" for user in pwd.getpwall()
        ]
        (directory / "passwd").write_text("\n".join(users) + "\n")
        (directory / "shadow").write_text(f"me:{hashed.stdout.strip()}:19000:0:99999:7:::\n")
        (directory / "shadow").chmod(0o600)


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _descendants(pid: int) -> list[int]:
    """What the server started for its connections; jobs left it by themselves."""
    children = [int(word) for path in Path(f"/proc/{pid}/task").glob("*/children") for word in path.read_text().split()]
    return [found for child in children for found in (*_descendants(child), child)]


class Cable:
    """A TCP way to a machine that can be cut, also after so and so many bytes, or left silent."""

    def __init__(self, port: int) -> None:
        self._target = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self._lock = threading.Lock()
        self._plugged = True
        self.cut_after: int | None = None
        self.stays_cut = False
        self.cuts = 0
        self.connections = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """End all connections and take no new ones."""
        self._plugged = False
        self._end()

    def plug(self) -> None:
        self._plugged = True

    @contextlib.contextmanager
    def unplugged(self) -> Iterator[None]:
        self.cut()
        try:
            yield
        finally:
            self.plug()

    def close(self) -> None:
        self._end()
        self._listener.close()

    def _end(self) -> None:
        with self._lock:
            pairs, self._pairs = self._pairs, []
        for pair in pairs:
            for end in pair:
                with contextlib.suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            if not self._plugged:
                near.close()
                continue
            try:
                far = socket.create_connection(("127.0.0.1", self._target))
            except OSError:
                near.close()
                continue
            self.connections += 1
            with self._lock:
                self._pairs.append((near, far))
            for pair in ((near, far), (far, near)):
                threading.Thread(target=self._carry, args=pair, daemon=True).start()

    def _carry(self, source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(1 << 16):
                target.sendall(data)
                self._count(len(data))
        for end in (source, target):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def _count(self, size: int) -> None:
        if self.cut_after is None:
            return
        self.cut_after -= size
        if self.cut_after <= 0:
            self.cut_after = None
            self.cuts += 1
            self._plugged = not self.stays_cut
            self._end()
