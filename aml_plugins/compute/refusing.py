"""What many targets cannot run, in the same words. All raise ``InvalidInputError`` with what to do instead."""

from __future__ import annotations

from aml_plugins.compute.job import JobSpec
from aml_plugins.errors import InvalidInputError

__all__ = ["refuse_dockerfile", "refuse_image", "refuse_several_nodes", "refuse_spark"]


def refuse_spark(spec: JobSpec, target: str) -> None:
    """Refuse a Spark section, where scripts are run by Python alone."""
    if spec.spark is not None:
        raise InvalidInputError(
            f"The compute target '{target}' runs Python scripts, not Spark.",
            "Remove the 'spark' section, or choose a Spark target.",
        )


def refuse_several_nodes(spec: JobSpec, whoever: str) -> None:
    """Refuse a run on several nodes, where each has one.

    :param whoever: who asks for them, after a word on what the target has: the sentence goes on from there.
    """
    if spec.node_count != 1:
        raise InvalidInputError(
            f"{whoever} asks for {spec.node_count} nodes.", "Set node_count to 1, or choose another compute target."
        )


def refuse_image(spec: JobSpec, target: str) -> None:
    """Refuse an environment that is an image, where there are no containers."""
    if spec.environment.get("kind") == "docker":
        raise InvalidInputError(
            f"The compute target '{target}' runs no Docker images.",
            "Choose an environment of kind existing, pip or conda.",
        )


def refuse_dockerfile(spec: JobSpec, target: str) -> None:
    """Refuse an image that would have to be built first, where images are only pulled."""
    if spec.environment.get("kind") == "docker" and not spec.environment.get("image"):
        raise InvalidInputError(
            f"The compute target '{target}' builds no images.",
            "Name an image of a registry, instead of a Dockerfile.",
        )
