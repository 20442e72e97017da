"""Add up numbers on several nodes: each adds its share, the first collects what the others send."""

import os
import socket
import time
from pathlib import Path

PORT = 29400
rank, count = int(os.environ["AML_NODE_RANK"]), int(os.environ["AML_NODE_COUNT"])
first = os.environ.get("AML_MASTER_ADDRESS", "127.0.0.1")

share = sum(range(rank, 1000, count))
print(f"node {rank} of {count} has {share}", flush=True)

if rank == 0:
    server = socket.create_server((first, PORT))
    others = [int(server.accept()[0].makefile().read()) for _ in range(count - 1)]
    total = share + sum(others)
    print(f"together they have {total}", flush=True)
    Path("outputs/total.txt").write_text(f"{total}\n", encoding="utf-8")
else:
    while True:
        try:
            connection = socket.create_connection((first, PORT))
            break
        except OSError:  # the first node is not there yet
            time.sleep(0.5)
    connection.sendall(str(share).encode())
    connection.close()
