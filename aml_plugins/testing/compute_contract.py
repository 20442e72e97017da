"""What every compute backend must pass."""

from __future__ import annotations

from aml_plugins.testing.contract.ending import EndingContract
from aml_plugins.testing.contract.manners import MannersContract
from aml_plugins.testing.contract.observation import ObservationContract
from aml_plugins.testing.contract.results import ResultsContract
from aml_plugins.testing.contract.submission import SubmissionContract

__all__ = ["ComputeBackendContract"]


class ComputeBackendContract(SubmissionContract, ObservationContract, EndingContract, ResultsContract, MannersContract):
    """Inherit, provide the fixture ``backend`` (and ``factory_module``), and run pytest.

    ::

        class TestMyBackend(ComputeBackendContract):
            factory_module = "my_plugin.backend"

            @pytest.fixture
            def backend(self, tmp_path):
                ...
                yield MyBackend(target)

    Jobs are tiny Python scripts; a target without Python on it cannot pass. What an author may say about the target
    besides stands in ``aml_plugins/testing/contract/base.py``: ``patience``, ``sdk_modules``, ``job_state``,
    ``remaining_processes``. A target behind a network also inherits ``OutageContract``,
    one that runs a script on several nodes ``NodesContract``, one that begins jobs again by itself ``RestartContract``.
    """
