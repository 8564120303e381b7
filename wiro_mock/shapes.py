"""The documented JSON shapes of Wiro's API, as TypedDicts. Nearly every scalar is a string on the wire.

Sources: the saved model page of December 2025 for the keys and their order, Wiro's own OpenAPI documents of
March 2026 for the newer keys.
"""

from __future__ import annotations

from typing import Any, Literal, NotRequired, TypedDict


class ErrorItem(TypedDict):
    """One item of `errors`. `time` (unix seconds, a number) was observed live; the documentation has it not."""

    code: int
    message: str
    time: NotRequired[int]


class Failure(TypedDict):
    """The answer of every operation that says no."""

    result: Literal[False]
    errors: list[ErrorItem]


class RunAnswer(TypedDict):
    """The answer of `Run`; both ids are strings."""

    errors: list[ErrorItem]
    taskid: str
    socketaccesstoken: str
    result: bool


class SyncCapAnswer(TypedDict):
    """The answer of `Run/sync` with 504, where a task has not ended in time: how to come back to it."""

    result: Literal[False]
    errors: list[ErrorItem]
    taskid: str
    socketaccesstoken: str


class OutputFile(TypedDict):
    """One output of a task. Sizes and times are digits in strings; `ispublic` is a number."""

    id: str
    name: str
    contenttype: str
    parentid: str
    uuid: str
    size: str
    addedtime: str
    modifiedtime: str
    accesskey: str
    foldercount: str
    filecount: str
    ispublic: int
    expiretime: None
    url: str


class Segment(TypedDict):
    """A piece of a language model's answer: `thinking` and `answer` have a `text`, a call of a tool has the rest."""

    type: Literal["thinking", "answer", "function_call", "custom_tool_call"]
    text: NotRequired[str]
    id: NotRequired[str]
    call_id: NotRequired[str]
    name: NotRequired[str]
    arguments: NotRequired[str]
    input: NotRequired[str]
    status: NotRequired[Literal["in_progress", "completed"]]


class UsageShape(TypedDict):
    """Tokens; the details are parts of the whole, never more."""

    input_tokens: int
    input_tokens_details: dict[str, int]
    output_tokens: int
    output_tokens_details: dict[str, int]
    total_tokens: int


class AnswerContent(TypedDict):
    """What a language model said, in the forms of the profile: `segments` and what goes with them since 2026-09, `raw`
    and the two lists before.
    """

    prompt: str
    raw: NotRequired[str]
    thinking: NotRequired[list[str]]
    answer: NotRequired[list[str]]
    segments: NotRequired[list[Segment]]
    finishreason: NotRequired[str]
    usage: NotRequired[UsageShape]


class OutputAnswer(TypedDict):
    """A language model's answer among the outputs: it has no file and no URL (rest.md §3)."""

    contenttype: Literal["raw"]
    content: AnswerContent


class SocketOutput(TypedDict):
    """One output as the socket shows it: four keys."""

    name: str
    contenttype: str
    size: str
    url: str


class TaskShape(TypedDict):
    """A task. Times are unix seconds in strings, `"0"` when unset; `elapsedseconds` has four decimals,
    `cps` and `totalcost` (USD) have twelve. The keys after `size` are the newer ones.
    """

    id: str
    uuid: str
    name: str
    socketaccesstoken: str
    parameters: dict[str, Any]
    debugoutput: str
    debugerror: str
    starttime: str
    endtime: str
    elapsedseconds: str
    status: str
    cps: str
    totalcost: str
    guestid: None
    projectid: str
    modelid: str
    description: str
    basemodelid: str
    runtype: str
    modelfolderid: str
    modelfileid: str
    callbackurl: str
    marketplaceid: None
    createtime: str
    canceltime: str
    assigntime: str
    accepttime: str
    preprocessstarttime: str
    preprocessendtime: str
    postprocessstarttime: str
    postprocessendtime: str
    pexit: str | None
    categories: str | list[str]
    outputs: list[OutputFile | OutputAnswer]
    size: str
    estimatedvram: NotRequired[str]
    realvram: NotRequired[str]
    isapp: NotRequired[bool]
    slugapp: NotRequired[str]
    dynamicprice: NotRequired[str]
    modeldescription: NotRequired[str]
    modelslugowner: NotRequired[str]
    modelslugproject: NotRequired[str]
    outputfolderid: NotRequired[str]
    teamguid: NotRequired[str | None]


class DetailAnswer(TypedDict):
    """The answer of `Task/Detail` and of `Task/List`, and the body of a webhook."""

    total: str
    errors: list[ErrorItem]
    tasklist: list[TaskShape]
    result: bool


class StopAnswer(TypedDict):
    """The answer of `Task/Cancel` and `Task/Kill`: no `total` (rest.md C8)."""

    errors: list[ErrorItem]
    tasklist: list[TaskShape]
    result: bool


class FolderShape(TypedDict):
    """A folder of uploads."""

    id: str
    name: str
    parentid: str
    size: str
    contenttype: str
    addedtime: str


class UploadShape(TypedDict):
    """An uploaded file."""

    id: str
    name: str
    contenttype: str
    size: str
    parentid: str
    url: str
    addedtime: str
    accesskey: str


class ProjectShape(TypedDict):
    """A project (rest.md §2.3, a third-party client). `authmethod` is `signature` or `apikey-only`."""

    id: str
    uuid: str
    name: str
    description: str
    slug: str | None
    apikey: str
    ipwhitelist: list[str]
    time: str
    authmethod: str
    requestCount: str


class TeamShape(TypedDict):
    """A team of an organization; what is in its wallet is a number of USD."""

    teamguid: str
    teamname: str
    teamstatus: int
    role: str
    walletbalance: float


class OrganizationShape(TypedDict):
    """An organization and the teams in it that the account sees."""

    organizationguid: str
    organizationname: str
    organizationstatus: int
    isowner: bool
    teams: list[TeamShape]


class MemberShape(TypedDict):
    """A member of a team; one who is invited has no uuid yet."""

    useruuid: str | None
    role: str
    status: str
    username: str
    email: str
    avatar: str


class SpendingShape(TypedDict):
    """What a member of a team has spent, in USD; a limit that is not set is null."""

    memberguid: str
    useruuid: str
    role: str
    spendlimit: float | None
    spent: float
    playgroundSpent: float
    apiSpent: float
    user: dict[str, str]


class Frame(TypedDict):
    """A text frame of the socket. `success`, `terminal` and `exitCode` came in mid-2026; `version` is of the welcome,
    and the last three are of `task_cost`.
    """

    type: str
    id: NotRequired[str]
    tasktoken: NotRequired[str]
    message: NotRequired[Any]
    result: NotRequired[bool]
    success: NotRequired[bool | None]
    terminal: NotRequired[bool]
    exitCode: NotRequired[int | None]
    version: NotRequired[str]
    turnCost: NotRequired[float]
    cumulativeCost: NotRequired[float]
    usage: NotRequired[dict[str, int]]


class TaskStatShape(TypedDict):
    """How often a model has been run. One number among strings of digits, as documented."""

    runcount: int
    successcount: str
    errorcount: str
    lastruntime: str


class ParameterOption(TypedDict):
    """One option of a select: `label` in the documentation, `text` as a client decoded it live."""

    label: NotRequired[str]
    text: NotRequired[str]
    value: str


class ParameterItem(TypedDict):
    """One parameter of a model. The keys from `rows` on were decoded live; `maxinputlenght` is Wiro's spelling."""

    id: str
    type: str
    label: str
    description: NotRequired[str]
    default: NotRequired[str]
    required: bool
    placeholder: str
    note: str
    options: NotRequired[list[ParameterOption]]
    min: NotRequired[int | float]
    max: NotRequired[int | float]
    step: NotRequired[int | float]
    rows: NotRequired[str]
    defaultvalue: NotRequired[str]
    value: NotRequired[str]
    minvalue: NotRequired[str]
    maxvalue: NotRequired[str]
    incrementby: NotRequired[str]
    maxinputlenght: NotRequired[int]


class ParameterGroup(TypedDict):
    """Parameters under one title."""

    title: str
    items: list[ParameterItem]


class ToolShape(TypedDict):
    """A model in the catalogue. `dynamicprice` is JSON inside a string."""

    id: str
    title: str
    slugowner: str
    slugproject: str
    cleanslugowner: str
    cleanslugproject: str
    description: str
    image: str
    computingtime: str
    readme: str
    categories: list[str]
    parameters: list[ParameterGroup] | None
    inspire: list[dict[str, str]]
    samples: list[str]
    tags: list[str]
    marketplace: int
    onlymembers: str
    dynamicprice: str
    averagepoint: str
    commentcount: str
    ratedusercount: str
    taskstat: TaskStatShape
    seotitle: str
    seodescription: str
    cps: str
    approximatelycost: str


class ToolListAnswer(TypedDict):
    """The answer of `Tool/List`; `total` counts all pages, and is a number."""

    result: bool
    errors: list[ErrorItem]
    total: int | str
    tool: list[ToolShape]


class ToolDetailAnswer(TypedDict):
    """The answer of `Tool/Detail`; no model is an empty list."""

    result: bool
    errors: list[ErrorItem]
    tool: list[ToolShape]


class ExploreItem(TypedDict):
    """A model as `Tool/Explore` shows it."""

    id: str
    cleanslugowner: str
    cleanslugproject: str
    image: str
    description: str
    categories: list[str]
    commentcount: str
    ratedusercount: str
    averagepoint: str
    discount: NotRequired[int | float | str | None]


class ExploreGroup(TypedDict):
    """Some models of one kind; `total` counts all of them."""

    id: str
    title: str
    tools: list[ExploreItem]
    url: NotRequired[str]
    total: NotRequired[int]


class ExploreAnswer(TypedDict):
    """The answer of `Tool/Explore`."""

    result: bool
    errors: list[ErrorItem]
    explore: list[ExploreGroup]
