"""``aml server``."""

from __future__ import annotations

import click

from aml_plugins.cli.options import store_option


@click.command(context_settings={"ignore_unknown_options": True})
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option("--port", default=5000, show_default=True, type=click.IntRange(1, 65535), help="The port to listen on.")
@click.option("--workers", default=1, show_default=True, type=click.IntRange(1, 64), help="How many processes answer.")
@click.option("--with-auth", is_flag=True, help="Ask for name and password, and let MLflow's roles rule.")
@click.option("--monitor/--no-monitor", default=True, show_default=True, help="Drive runs that nobody waits for.")
@click.argument("options", nargs=-1, type=click.UNPROCESSED, metavar="[MLFLOW-SERVER-OPTIONS]...")
@store_option
def server(
    host: str,
    port: int,
    workers: int,
    with_auth: bool,
    monitor: bool,
    options: tuple[str, ...],
    store: str | None,
) -> None:
    """Serve MLflow, our REST API and the console; other options go to mlflow server."""
    from aml_plugins.home import resolve_store_uri
    from aml_plugins.server.starting import serve, server_store_uri

    serve(
        server_store_uri(resolve_store_uri(store)),
        host=host,
        port=port,
        workers=workers,
        with_auth=with_auth,
        monitor=monitor,
        options=options,
    )
