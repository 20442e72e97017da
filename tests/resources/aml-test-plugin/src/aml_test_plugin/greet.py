"""``aml greet``."""

import click


@click.command()
def greet():
    """Say hello."""
    click.echo("hello from a plugin")
