"""A scenario: software on the bench, and what it was told."""


class Scenario:
    """`run(lab, capture)` starts servers, calls `capture()` when they listen, and gives what was told."""

    def __init__(self, name, about, run, hidden, limits):
        self.name, self.about, self.hidden, self.limits = name, about, hidden, limits
        self.body = run

    def run(self, lab, capture):
        begun = []

        def begin():
            begun.append(capture())

        told = self.body(lab, begin)
        lab.end_capture(begun[0])
        return told


class Scenarios(list):
    """The scenarios of one module, in order."""

    def add(self, about, hidden=0, limits=None):
        """Registers a function under its name. `hidden`: flows whose lookups are hidden; `limits`: counters that must be hit."""
        def register(body):
            self.append(Scenario(body.__name__.replace("_", "-"), about, body, hidden, limits or {}))
            return body
        return register
