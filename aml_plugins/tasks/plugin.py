"""The built-in notifiers are an ordinary plugin: an event hook."""
from aml_plugins.hookspecs import hookimpl
@hookimpl
def aml_task_event(event: object) -> None:
    """Observe nothing yet."""
