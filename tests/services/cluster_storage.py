"""An account of Azure's storage as an HDInsight cluster has it: Hadoop's own driver for ``wasb://``, before Azurite.

Spark knows the account by its public name; a file of hosts for Java leads that to this machine, the port is Azurite's.
Hadoop's driver for ``abfs://`` asks an interface that Azurite does not have.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from urllib.parse import urlsplit

from services.azurite import Azurite
from services.livy import LivyServer

__all__ = ["INSTALL", "find_driver", "give_storage", "host_of", "write_hosts"]

_TOOL = Path(__file__).parents[2] / "tools" / "hadoop-azure"
_ENVIRONMENT = dict(os.environ)  # a test may have another home
INSTALL = "tools/hadoop-azure install"


def find_driver() -> Path | None:
    """Return the directory of the driver's jars, None where it is not installed."""
    done = subprocess.run([_TOOL, "find"], env=_ENVIRONMENT, capture_output=True, text=True, check=False)
    return Path(done.stdout.strip()) if done.returncode == 0 else None


def give_storage(livy: LivyServer, azurite: Azurite, driver: Path) -> str:
    """Let batches that start from now on reach the account; return its host, as addresses of Spark name it."""
    place = host_of(azurite)
    livy.set_defaults(
        {
            "spark.driver.extraClassPath": f"{driver}/*",
            "spark.driver.extraJavaOptions": write_hosts(livy.home, azurite),
            f"spark.hadoop.fs.azure.account.key.{place}": azurite.key,
        }
    )
    return place


def host_of(azurite: Azurite) -> str:
    """Return the account's public name, with Azurite's port."""
    return f"{azurite.account}.blob.core.windows.net:{urlsplit(azurite.url).port}"


def write_hosts(directory: Path, azurite: Azurite) -> str:
    """Write the file of hosts; return the option by which a Java reads it. It knows no other names than these."""
    names = ("localhost", os.uname().nodename, host_of(azurite).partition(":")[0])
    (directory / "hosts").write_text("".join(f"127.0.0.1 {name}\n" for name in names))
    return f"-Djdk.net.hosts.file={directory / 'hosts'}"
