"""Remember what happened: an object, for plugins that need state."""

from aml_plugins.hookspecs import hookimpl


class Observer:
    """Keeps what it was told."""

    def __init__(self):
        self.seen = []

    @hookimpl
    def aml_run_submitted(self, run):
        self.seen.append(["submitted", run.run_id])

    @hookimpl
    def aml_run_state_changed(self, run, old, new):
        self.seen.append(["state", run.run_id, old, new])

    @hookimpl
    def aml_run_finished(self, run):
        self.seen.append(["finished", run.run_id])

    @hookimpl
    def aml_task_event(self, event):
        self.seen.append(["event", event.sequence])


observer = Observer()
