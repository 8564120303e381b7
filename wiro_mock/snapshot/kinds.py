"""The types that a snapshot may hold: values of the kernel and of the shell, and those that are made for it (`kept`).

Whoever adds a field to one of them gives it a default, and older snapshots are read as before; whoever takes one away,
or renames it, counts `archive.FORMAT` up and says in `archive.MIGRATIONS` what becomes of older files.
"""

from __future__ import annotations

from functools import cache
from typing import Final

from wiro_mock.api.messages import InputNote, Outcome
from wiro_mock.api.profile import Profile
from wiro_mock.deliveries import Attempt
from wiro_mock.journal import Exchange
from wiro_mock.kernel import (
    account,
    answer,
    audio,
    catalog,
    files,
    plan,
    prices,
    rules,
    run_counts,
    session,
    session_ear,
    session_script,
)
from wiro_mock.kernel import events as e
from wiro_mock.kernel.standing import Course, Log, Standing
from wiro_mock.kernel.status import Status
from wiro_mock.kernel.task import Task
from wiro_mock.snapshot import kept
from wiro_mock.snapshot.plain import Types

EVENTS: Final = (
    e.Queued, e.Requeued, e.Accepted, e.PreprocessStarted, e.PreprocessEnded, e.Assigned, e.Started, e.Output,
    e.ErrorOutput, e.Produced, e.OutputEnded, e.ErrorEnded, e.Exited, e.PostprocessStarted, e.PostprocessEnded,
    e.Cancelled, e.SetupFailed, e.GaveUp, e.FilesDeleted, e.StreamReady, e.Heard, e.Voiced, e.StreamEnded,
    e.TurnCharged, e.SessionEnded,
)  # fmt: skip
KERNEL: Final = (
    *EVENTS, e.Job, e.Progress, e.Snapshot, e.Reply, Status, Task, Standing, Log, Course,
    plan.Plan, plan.Step, plan.Hold, plan.Stall, plan.Converse, plan.Live,
    session_script.Script, session_script.ScriptTurn, session_script.Dictation, session.Session, session_ear.Ear,
    session.Speech,
    audio.Tone, audio.Clip, audio.Excerpt, answer.Answer, answer.Piece, answer.Usage, answer.Turn,
    catalog.Model, catalog.Parameter, prices.Tier, prices.Used, files.Blob, files.File, files.FileKind, files.Folder,
    account.Account, account.Project, rules.Delivery, run_counts.RunCount,
)  # fmt: skip
SHELL: Final = (Profile, Outcome, InputNote, Exchange, Attempt)


@cache
def types() -> Types:
    """The closed set."""
    return Types(*KERNEL, *SHELL, *kept.ALL)
