"""``aml image``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from aml_plugins.cli.following import left_to_a_monitor
from aml_plugins.cli.options import in_workspace, open_workspace, pairs
from aml_plugins.cli.output import ago, facts, show, table

if TYPE_CHECKING:
    from aml_plugins.images.image import Image
    from aml_plugins.model import Model
    from aml_plugins.workspace import Workspace


@click.group()
def image() -> None:
    """Build, list, pull and delete images."""


@image.command()
@click.argument("name", required=False)
@click.option(
    "--model", "models", multiple=True, metavar="NAME[:VERSION]",
    help="A model, also as models:/NAME/VERSION; the newest version by default.",
)  # fmt: skip
@click.option("--script", help="The scoring script, in the source directory; without one, an MLflow model is served.")
@click.option("--source", default=".", show_default=True, help="The directory that goes into the image.")
@click.option("--requirement", "requirements", multiple=True, metavar="PACKAGE", help="A package of the environment.")
@click.option("--requirements-file", help="A requirements file in the source directory.")
@click.option("--conda-file", help="A conda environment file in the source directory, instead of requirements.")
@click.option("--schema", help="A Swagger document in the source directory.")
@click.option("--builder", default="oci", show_default=True, help="How it is built; see: aml plugins list.")
@click.option("--base-image", help="What it begins with: HOST/REPOSITORY:TAG, or the path of an OCI layout.")
@click.option("--ca-file", type=click.Path(exists=True, dir_okay=False), help="Certificates to trust in the image.")
@click.option("--registry", "registry", multiple=True, callback=pairs, metavar="NAME=VALUE", help="Where to push it.")
@click.option("--tag", "tags", multiple=True, callback=pairs, metavar="NAME=VALUE")
@in_workspace
def create(
    name: str | None, models: tuple[str, ...], script: str | None, source: str, requirements: tuple[str, ...],
    requirements_file: str | None, conda_file: str | None, schema: str | None, builder: str,
    base_image: str | None, ca_file: str | None,
    registry: dict[str, str], tags: dict[str, str], store: str | None, workspace: str | None, output: str,
) -> None:  # fmt: skip
    """Build the next version of an image.

    With a scoring script: aml image create iris-svc --model iris --script score.py --source service. An MLflow model
    needs none: aml image create --model models:/iris/3. The image's NAME is the model's by default.
    """
    from aml_plugins.images.image import Image
    from aml_plugins.images.inference import InferenceConfig
    from aml_plugins.model import Model

    opened = open_workspace(store, workspace)
    environment = _environment(requirements, requirements_file, conda_file)
    found = [Model.find(opened, one) for one in models]
    chosen = name or _name_of(found)
    earlier = _newest(opened, chosen)
    with left_to_a_monitor(opened, lambda: _parting(opened, chosen, earlier)):
        made = Image.create(
            opened,
            chosen,
            models=found,
            inference=InferenceConfig(script, source, environment, schema),
            builder=builder,
            base_image=base_image,
            ca_file=ca_file,
            registry=registry or None,
            tags=tags,
            show_output=output == "text",
        )
    show(output, _json(made), lambda: f"Built image {made.name}:{made.version}.")


@image.command("list")
@click.argument("name", required=False)
@in_workspace
def list_(name: str | None, store: str | None, workspace: str | None, output: str) -> None:
    """List images, or the versions of one."""
    from aml_plugins.images.image import Image

    found = Image.list(open_workspace(store, workspace), name)
    plain = [_json(one) for one in found]
    rows = [
        {**known, "models": ", ".join(known["models"]), "created": ago(one.record.created_at)}
        for known, one in zip(plain, found, strict=True)
    ]
    columns = ["name", "version", "state", "models", "created"]
    show(output, plain, lambda: table(rows, columns, "No image."))


@image.command("show")
@click.argument("image_name", metavar="NAME[:VERSION]")
@in_workspace
def show_(image_name: str, store: str | None, workspace: str | None, output: str) -> None:
    """Show what an image is made of, and where it is."""
    found = find_image(open_workspace(store, workspace), image_name)
    value = {
        **_json(found),
        "builder": found.record.builder,
        "script": found.record.config.get("entry_script"),
        "mlflow_model": found.record.config.get("mlflow_model"),
        "environment": found.record.config.get("environment"),
        "services": [service.name for service in found.services],
        **dict(found.record.result),
    }
    show(output, value, lambda: facts(value))


@image.command()
@click.argument("image_name", metavar="NAME[:VERSION]")
@in_workspace
def logs(image_name: str, store: str | None, workspace: str | None, output: str) -> None:
    """Print the log of an image's build."""
    text = find_image(open_workspace(store, workspace), image_name).get_logs()
    show(output, {"log": text}, text.rstrip)


@image.command()
@click.argument("image_name", metavar="NAME[:VERSION]")
@click.argument("target", type=click.Path())
@click.option("--docker", is_flag=True, help="Write a tar file for: docker load")
@in_workspace
def pull(image_name: str, target: str, docker: bool, store: str | None, workspace: str | None, output: str) -> None:
    """Write an image as an OCI layout: a directory, or a file TARGET.tar."""
    path = find_image(open_workspace(store, workspace), image_name).pull(target, docker=docker)
    show(output, {"path": str(path)}, lambda: f"Wrote {path}.")


@image.command()
@click.argument("image_name", metavar="NAME:VERSION")
@in_workspace
def delete(image_name: str, store: str | None, workspace: str | None, output: str) -> None:
    """Delete a version of an image; refused while a service runs it."""
    if ":" not in image_name:
        raise click.UsageError(f"Say which version: aml image delete {image_name}:VERSION")
    found = find_image(open_workspace(store, workspace), image_name)
    found.delete()
    shown = f"{found.name}:{found.version}"
    show(output, {"image": shown}, lambda: f"Deleted image {shown}.")


def find_image(workspace: Workspace, text: str) -> Image:
    """Return the image that ``NAME`` or ``NAME:VERSION`` names."""
    from aml_plugins.errors import InvalidInputError
    from aml_plugins.images.image import Image

    name, _, version = text.partition(":")
    if version and not version.isdecimal():
        raise InvalidInputError(f"'{version}' is no version of an image.", "Write NAME:NUMBER.")
    return Image.get(workspace, name, int(version) if version else None)


def find_built_image(workspace: Workspace, text: str) -> Image:
    """Return the image that ``NAME:VERSION`` names, of ``NAME`` the newest that was built; say what is passed over."""
    from aml_plugins.images.image import Image

    found = find_image(workspace, text)
    if ":" in text:
        return found
    built = Image.newest_built(workspace, text)
    if built.version != found.version:
        passed, chosen = f"{found.name}:{found.version}", f"{built.name}:{built.version}"
        click.echo(f"{passed} is {found.record.state}: {chosen} is the newest that was built.", err=True)
    return built


def _environment(requirements: tuple[str, ...], requirements_file: str | None, conda_file: str | None) -> Any:
    if conda_file:
        if requirements or requirements_file:
            raise click.UsageError("Requirements go into the conda file, under 'pip:', where there is one.")
        return {"kind": "conda", "file": conda_file}
    if not requirements and not requirements_file:
        return None
    named = {"requirements_file": requirements_file} if requirements_file else {}
    return {"kind": "pip", "requirements": list(requirements), **named}


def _newest(workspace: Workspace, name: str) -> int:
    """Return the newest version there is; 0 where there is none."""
    from aml_plugins.images.image import Image

    return max((one.version for one in Image.list(workspace, name)), default=0)


def _parting(workspace: Workspace, name: str, earlier: int) -> str:
    """Say what became of a build that was interrupted, perhaps as it ended.

    :param earlier: the newest version when it began.
    """
    from aml_plugins.images.image import Image

    mine = [one for one in Image.list(workspace, name) if one.version > earlier]
    if not mine:
        return "nothing was begun."
    shown = f"{name}:{mine[0].version}"
    if mine[0].record.state != "Building":
        return f"the build had ended. See: aml image show {shown}"
    return f"a monitor goes on with it. To end it: aml image delete {shown}"


def _name_of(models: list[Model]) -> str:
    if len(models) != 1:
        raise click.UsageError("Name the image: aml image create NAME --model MODEL")
    return models[0].name


def _json(found: Image) -> dict[str, Any]:
    models = found.record.models if isinstance(found.record.models, (list, tuple)) else ()
    named = [f"{model['name']}:{model['version']}" for model in models if isinstance(model, dict)]
    return {
        "name": found.name,
        "version": found.version,
        "state": found.record.state,
        "models": named,
        "digest": found.digest,
        "location": found.location,
        "reason": found.record.reason,
    }
