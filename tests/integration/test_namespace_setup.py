"""The step of the Docker Compose file that makes the namespace, run against a real server."""

import os
import subprocess
from pathlib import Path

from temporalio.api.operatorservice.v1 import ListSearchAttributesRequest
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
from temporalio.client import Client

from gnosari_temporal.routing import SEARCH_ATTRIBUTES
from gnosari_temporal.server import EmbeddedServer, ServerOptions
from gnosari_temporal.server.binary import find_binary

SCRIPT = Path(__file__).parents[2] / "deploy" / "temporal" / "namespace.sh"


def _set_up(address: str, namespace: str, tmp_path: Path) -> str:
    surroundings = {name: value for name, value in os.environ.items() if not name.startswith("TEMPORAL_")}
    surroundings |= {
        "PATH": f"{find_binary().parent}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(tmp_path),
        "TEMPORAL_ADDRESS": address,
        "TEMPORAL_NAMESPACE": namespace,
        "NAMESPACE_RETENTION": "48h",
    }
    done = subprocess.run(["sh", str(SCRIPT)], env=surroundings, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr
    return done.stdout


async def test_it_makes_the_namespace_with_its_search_attributes_and_may_be_repeated(tmp_path: Path) -> None:
    stock = ServerOptions(port=0, headless=True, search_attributes={}, dynamic_config={})
    async with EmbeddedServer(stock) as server:
        assert "orders successfully registered" in _set_up(server.address, "orders", tmp_path)
        assert "orders is there" in _set_up(server.address, "orders", tmp_path)

        client = await Client.connect(server.address, namespace="orders")
        found = await client.operator_service.list_search_attributes(ListSearchAttributesRequest(namespace="orders"))
        described = await client.workflow_service.describe_namespace(DescribeNamespaceRequest(namespace="orders"))
        assert set(found.custom_attributes) == set(SEARCH_ATTRIBUTES)
        assert described.config.workflow_execution_retention_ttl.ToTimedelta().days == 2
