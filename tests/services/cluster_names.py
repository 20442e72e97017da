"""The name server of a cluster: what CoreDNS would answer about pods of headless Services, and about Services.

Source: Kubernetes' page "DNS for Services and Pods".
"""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset

__all__ = ["DOMAIN", "name_server"]

DOMAIN = "cluster.local"
_PORT = 53
_SUFFIX = ("svc", *DOMAIN.split("."))
Get = Callable[[str], bytes]
"""Asks the cluster's API for a path."""


@contextmanager
def name_server(address: str, get: Get) -> Iterator[None]:
    """Answer on an address for as long as this lasts."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listener:
        listener.bind((address, _PORT))
        thread = threading.Thread(target=_serve, args=(listener, get), daemon=True)
        thread.start()
        yield
        listener.sendto(b"", (address, _PORT))  # the word to end
        thread.join()


def _serve(listener: socket.socket, get: Get) -> None:
    while True:
        asked, sender = listener.recvfrom(4096)
        if not asked:
            return
        with suppress(Exception):  # what nobody understands is not answered
            listener.sendto(_answer(dns.message.from_wire(asked), get).to_wire(), sender)


def _answer(query: dns.message.Message, get: Get) -> dns.message.Message:
    answer = dns.message.make_response(query)
    answer.flags |= dns.flags.AA | dns.flags.RA
    (question,) = query.question
    labels = tuple(question.name.to_text(omit_final_dot=True).lower().split("."))
    found = _addresses(labels[: -len(_SUFFIX)], get) if labels[-len(_SUFFIX) :] == _SUFFIX else []
    if not found:
        answer.set_rcode(dns.rcode.NXDOMAIN)
    elif question.rdtype == dns.rdatatype.A:
        answer.answer.append(dns.rrset.from_text_list(question.name, 1, dns.rdataclass.IN, dns.rdatatype.A, found))
    return answer


def _addresses(labels: tuple[str, ...], get: Get) -> list[str]:
    """Return the addresses of ``SERVICE.NAMESPACE`` or of ``POD.SERVICE.NAMESPACE``."""
    if len(labels) == 2:
        service: dict[str, Any] = json.loads(get(f"/api/v1/namespaces/{labels[1]}/services/{labels[0]}"))
        address = service["spec"].get("clusterIP")
        return [address] if address and address != "None" else []
    host, subdomain, namespace = labels
    pods = json.loads(get(f"/api/v1/namespaces/{namespace}/pods"))["items"]
    return [
        pod["status"]["podIP"]
        for pod in pods
        if (pod["spec"].get("hostname"), pod["spec"].get("subdomain")) == (host, subdomain)
        and pod["status"].get("podIP")
        and not pod["metadata"].get("deletionTimestamp")
    ]
