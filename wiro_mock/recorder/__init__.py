"""The recorder: a proxy in front of an upstream Wiro that writes what comes by as scenarios.

`observed` turns frames into the log that made them (pure), `redaction` takes secrets out of whatever is kept, `shelf`
is the directory, `follower` listens to a task, `proxy` is what clients talk to.
"""
