"""A real Kubernetes of one node on this machine: etcd, API server, controllers, scheduler, kubelet; gone at the end.

Everything listens on loopback but the kubelet, which needs an address of its node: that of a bridge which is made for
this cluster, and on which its pods are. What pods shall reach listens there, too (:attr:`Kubernetes.address`).
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from services.bridges import bridge_name, own_bridge, run
from services.cluster_names import DOMAIN, name_server

__all__ = ["IMAGE", "INSTALL", "Kubernetes", "find_programs", "running_kubernetes"]

_TOOL = Path(__file__).parents[2] / "tools" / "kubernetes"
_ENVIRONMENT = dict(os.environ)  # a test may have another home
INSTALL = "tools/kubernetes install"
IMAGE = "aml.test/python:1"
"""The name of the image that the session's cluster has; ``container_image.py`` makes it."""
_START_SECONDS = 180
_TOKEN = "token-of-the-tests"
_NODE = "node-1"


@dataclass(frozen=True)
class Kubernetes:
    """A running cluster.

    :param kubeconfig: for its administrator.
    :param address: of this machine on the pods' network.
    :param subnet: the first three numbers of that network.
    """

    directory: Path
    kubeconfig: Path
    address: str
    image: str = IMAGE

    def import_image(self, archive: Path) -> None:
        """Bring an image to the node."""
        run("ctr", "-a", str(self.directory / "containerd.sock"), "-n", "k8s.io", "images", "import", str(archive))


@dataclass(frozen=True)
class _Plan:
    """Where everything is."""

    programs: Path
    directory: Path
    subnet: str
    etcd: int
    api: int
    kubelet: int

    @property
    def bridge(self) -> str:
        return bridge_name(self.subnet)

    @property
    def address(self) -> str:
        return f"{self.subnet}.1"

    @property
    def services(self) -> str:
        """The network of Services: as many as there may be clusters."""
        return f"{self.subnet.replace('10.98.', '10.97.')}.0/24"

    @property
    def kubeconfig(self) -> Path:
        return self.directory / "kubeconfig"

    def file(self, name: str, content: str) -> Path:
        path = self.directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
        return path


def find_programs() -> Path | None:
    """Return the directory of Kubernetes' programs."""
    found = subprocess.run([_TOOL, "find"], env=_ENVIRONMENT, capture_output=True, text=True, check=False)
    return Path(found.stdout.strip()) if found.returncode == 0 else None


@contextmanager
def running_kubernetes(programs: Path, directory: Path, *, with_services: bool = False) -> Iterator[Kubernetes]:
    """Start a cluster below ``directory``, which must be a short path; stop it and all its containers.

    :param with_services: whether Services have working addresses. One cluster of a machine at a time can: kube-proxy's
        rules have the same names everywhere, so others wait until it is gone.
    """
    directory.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        plan = _Plan(programs, directory, stack.enter_context(own_bridge()), *_free_ports(3))
        stack.callback(_end_containers, plan)
        _write_kubeconfig(plan)
        stack.enter_context(name_server(plan.address, lambda path: _get(plan, path)))
        for start in (_start_etcd, _start_api_server, _start_controllers, _start_containerd, _start_kubelet):
            start(plan, stack)
        if with_services:
            _start_proxy(plan, stack)
        _wait(lambda: _is_ready(plan), plan, "the node is ready")
        yield Kubernetes(directory, plan.kubeconfig, plan.address)


def _start(plan: _Plan, stack: ExitStack, name: str, command: Sequence[str], **variables: str) -> None:
    log = stack.enter_context((plan.directory / f"{name}.log").open("wb"))
    process = subprocess.Popen(
        ["setpriv", "--pdeathsig", "KILL", *command],
        cwd=plan.directory,
        env={**os.environ, "GOGC": "400", **variables},  # a quarter less time in idleness for some memory
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        start_new_session=True,
    )
    stack.callback(_end, process)


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _start_etcd(plan: _Plan, stack: ExitStack) -> None:
    address, peers = f"http://127.0.0.1:{plan.etcd}", f"http://127.0.0.1:{_free_ports(1)[0]}"
    urls = {
        "listen-client-urls": address,
        "advertise-client-urls": address,
        "listen-peer-urls": peers,
        "initial-advertise-peer-urls": peers,
        "initial-cluster": f"default={peers}",
        "data-dir": str(plan.directory / "etcd"),
    }
    _start(plan, stack, "etcd", ["etcd", "--unsafe-no-fsync", *_flags(urls)])


def _start_api_server(plan: _Plan, stack: ExitStack) -> None:
    key = plan.directory / "service-accounts.key"
    run("openssl", "genrsa", "-out", str(key), "2048")
    tokens = plan.file("tokens.csv", f'{_TOKEN},admin,admin,"system:masters"\n')
    flags = {
        "etcd-servers": f"http://127.0.0.1:{plan.etcd}",
        "bind-address": "127.0.0.1",
        "advertise-address": plan.address,
        "secure-port": str(plan.api),
        "cert-dir": str(plan.directory / "certificates"),
        "token-auth-file": str(tokens),
        "authorization-mode": "RBAC",
        "service-cluster-ip-range": plan.services,
        "service-account-issuer": "https://kubernetes.default.svc",
        "service-account-key-file": str(key),
        "service-account-signing-key-file": str(key),
        "endpoint-reconciler-type": "none",
        "allow-privileged": "true",
        "kubelet-preferred-address-types": "InternalIP",
    }
    _start(plan, stack, "kube-apiserver", [_program(plan, "kube-apiserver"), *_flags(flags)])
    _wait(lambda: _get(plan, "/readyz") == b"ok", plan, "the API server is ready")


def _start_controllers(plan: _Plan, stack: ExitStack) -> None:
    common = {"kubeconfig": str(plan.kubeconfig), "leader-elect": "false", "secure-port": "0"}
    controllers = {
        **common,
        "service-account-private-key-file": str(plan.directory / "service-accounts.key"),
        "cert-dir": str(plan.directory / "controllers"),
        "concurrent-gc-syncs": "4",
        # What takes minutes in a cluster of people's takes seconds here.
        "horizontal-pod-autoscaler-sync-period": "2s",
        "horizontal-pod-autoscaler-downscale-stabilization": "5s",
        "horizontal-pod-autoscaler-cpu-initialization-period": "1s",
        "horizontal-pod-autoscaler-initial-readiness-delay": "1s",
    }
    _start(plan, stack, "controllers", [_program(plan, "kube-controller-manager"), *_flags(controllers)])
    scheduler = {**common, "cert-dir": str(plan.directory / "scheduler")}
    _start(plan, stack, "scheduler", [_program(plan, "kube-scheduler"), *_flags(scheduler)])


def _start_containerd(plan: _Plan, stack: ExitStack) -> None:
    network = {
        "cniVersion": "0.4.0",
        "name": "pods",
        "plugins": [
            {
                "type": "bridge",
                "bridge": plan.bridge,
                "isGateway": False,
                "ipam": {
                    "type": "host-local",
                    "ranges": [[{"subnet": f"{plan.subnet}.0/24", "gateway": plan.address}]],
                    "routes": [{"dst": "0.0.0.0/0"}],
                    "dataDir": str(plan.directory / "addresses"),
                },
            }
        ],
    }
    plan.file("cni/10-pods.conflist", json.dumps(network))
    settings = f"""
version = 2
root = "{plan.directory}/containerd"
state = "{plan.directory}/containerd-state"
oom_score = 0
disabled_plugins = ["io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.zfs"]
[grpc]
  address = "{plan.directory}/containerd.sock"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "aml.test/pause:1"
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "{plan.directory}/cni"
"""
    _start(plan, stack, "containerd", ["containerd", "--config", str(plan.file("containerd.toml", settings))])
    _wait((plan.directory / "containerd.sock").exists, plan, "containerd listens")
    pause = plan.programs / "pause.tar"
    _wait(lambda: _imports(plan, pause), plan, "containerd answers")


def _imports(plan: _Plan, archive: Path) -> bool:
    Kubernetes(plan.directory, plan.kubeconfig, plan.address).import_image(archive)
    return True


def _start_kubelet(plan: _Plan, stack: ExitStack) -> None:
    settings: dict[str, Any] = {
        "kind": "KubeletConfiguration",
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "address": plan.address,
        "port": plan.kubelet,
        "healthzPort": 0,
        "authentication": {"anonymous": {"enabled": True}, "webhook": {"enabled": False}},
        "authorization": {"mode": "AlwaysAllow"},
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": "/",
        "cgroupsPerQOS": False,
        "enforceNodeAllocatable": [],
        "failCgroupV1": False,
        "failSwapOn": False,
        "makeIPTablesUtilChains": False,
        "localStorageCapacityIsolation": False,
        "imageGCHighThresholdPercent": 100,
        "evictionHard": {"nodefs.available": "1%"},
        "containerRuntimeEndpoint": f"unix://{plan.directory}/containerd.sock",
        "clusterDNS": [plan.address],
        "clusterDomain": DOMAIN,
        "resolvConf": str(plan.file("resolv.conf", "nameserver 127.0.0.1\n")),
        "podLogsDir": str(plan.directory / "pod-logs"),
        "nodeStatusUpdateFrequency": "5s",
        "syncFrequency": "5s",
    }
    flags = {
        "config": str(plan.file("kubelet.json", json.dumps(settings))),
        "kubeconfig": str(plan.kubeconfig),
        "root-dir": str(plan.directory / "kubelet"),
        "cert-dir": str(plan.directory / "kubelet-certificates"),
        "hostname-override": _NODE,
        "node-ip": plan.address,
    }
    _start(plan, stack, "kubelet", [_program(plan, "kubelet"), *_flags(flags)])


def _start_proxy(plan: _Plan, stack: ExitStack) -> None:
    lock = os.open(Path(tempfile.gettempdir(), "aml-kube-proxy.lock"), os.O_RDWR | os.O_CREAT)
    stack.callback(os.close, lock)
    fcntl.flock(lock, fcntl.LOCK_EX)
    run("ip", "route", "add", plan.services, "dev", plan.bridge)
    health, metrics = _free_ports(2)
    settings = {
        "kind": "KubeProxyConfiguration",
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "mode": "iptables",
        "clientConnection": {"kubeconfig": str(plan.kubeconfig)},
        "hostnameOverride": _NODE,
        "clusterCIDR": f"{plan.subnet}.0/24",
        "nodePortAddresses": [f"{plan.address}/32"],
        "healthzBindAddress": f"127.0.0.1:{health}",
        "metricsBindAddress": f"127.0.0.1:{metrics}",
        "conntrack": {"maxPerCore": 0, "min": 0, "tcpEstablishedTimeout": "0s", "tcpCloseWaitTimeout": "0s"},
        "iptables": {"minSyncPeriod": "0s", "syncPeriod": "5s"},
    }
    file = plan.file("kube-proxy.json", json.dumps(settings))
    stack.callback(run, _program(plan, "kube-proxy"), "--cleanup", f"--config={file}", check=False)
    _start(plan, stack, "kube-proxy", [_program(plan, "kube-proxy"), f"--config={file}"])
    _wait(lambda: urllib.request.urlopen(f"http://127.0.0.1:{health}/healthz", timeout=5), plan, "kube-proxy works")


def _is_ready(plan: _Plan) -> bool:
    node = json.loads(_get(plan, f"/api/v1/nodes/{_NODE}"))
    accounts = json.loads(_get(plan, "/api/v1/namespaces/default/serviceaccounts"))
    conditions = {entry["type"]: entry["status"] for entry in node["status"].get("conditions") or ()}
    return conditions.get("Ready") == "True" and bool(accounts["items"])


def _end_containers(plan: _Plan) -> None:
    """End what containerd's shims still hold, and unmount it: neither ends with containerd."""
    marker = str(plan.directory).encode()
    for entry in Path("/proc").iterdir():
        with suppress(OSError, ValueError):
            if marker in (entry / "cmdline").read_bytes() and b"containerd-shim" in (entry / "cmdline").read_bytes():
                os.killpg(int(entry.name), signal.SIGKILL)
    for _ in range(20):
        mounts = [line.split()[1] for line in Path("/proc/mounts").read_text().splitlines()]
        mine = [mount for mount in mounts if mount.startswith(f"{plan.directory}/")]
        for mount in sorted(mine, reverse=True):
            run("umount", "-l", mount, check=False)
        if not mine:
            break
    shutil.rmtree(plan.directory, ignore_errors=True)


def _write_kubeconfig(plan: _Plan) -> None:
    certificate = plan.directory / "certificates" / "apiserver.crt"
    value = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "tests",
        "clusters": [
            {
                "name": "tests",
                "cluster": {"server": f"https://127.0.0.1:{plan.api}", "certificate-authority": str(certificate)},
            }
        ],
        "users": [{"name": "admin", "user": {"token": _TOKEN}}],
        "contexts": [{"name": "tests", "context": {"cluster": "tests", "user": "admin"}}],
    }
    plan.file("kubeconfig", json.dumps(value))


def _get(plan: _Plan, path: str) -> bytes:
    import ssl

    context = ssl.create_default_context(cafile=plan.directory / "certificates" / "apiserver.crt")
    request = urllib.request.Request(
        f"https://127.0.0.1:{plan.api}{path}", headers={"Authorization": f"Bearer {_TOKEN}"}
    )
    with urllib.request.urlopen(request, timeout=5, context=context) as answer:
        data: bytes = answer.read()
        return data


def _wait(condition: Callable[[], object], plan: _Plan, what: str) -> None:
    until = time.monotonic() + _START_SECONDS
    error: Exception | None = None
    while time.monotonic() < until:
        try:
            if condition():
                return
        except (OSError, RuntimeError, KeyError) as caught:
            error = caught
        time.sleep(0.2)
    logs = "\n".join(
        f"{path.name}: {path.read_text(errors='replace')[-1500:]}" for path in plan.directory.glob("*.log")
    )
    raise RuntimeError(f"It never came true that {what}: {error}\n{logs}")


def _program(plan: _Plan, name: str) -> str:
    return str(plan.programs / name)


def _flags(values: Mapping[str, str]) -> list[str]:
    return [f"--{name}={value}" for name, value in values.items()]


def _free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
