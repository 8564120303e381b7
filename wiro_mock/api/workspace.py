"""Projects, the wallet and the team, read only: the one account of this world in the shapes of a workspace.

Here an account has one project and one wallet, and is the owner and only member of one team; its wallet is the team's.
What was charged came through the API, so nothing was spent in Wiro's playground. Amounts are USD, as JSON numbers.
`Project/List` is known from a third-party client, the organization and the team from the documentation (rest.md
§2.3). The names of wallet, transactions, usage and coupons are documented and their shapes are not: nothing answers
there unless the profile's switch `account_shapes` is on, and then with shapes of ours. A field of a request makes no
difference, but for `apikey` of Project/List and the paging of the transactions.
"""

from __future__ import annotations

from decimal import Decimal

from wiro_mock import shapes
from wiro_mock.api.answers import Answer, answer
from wiro_mock.api.body import text_of
from wiro_mock.api.messages import Outcome, Request, World, seconds
from wiro_mock.api.task_list import page_of, passed_over
from wiro_mock.kernel import ids
from wiro_mock.kernel.task import Task

NAME = "wiro-mock"
"""What the organization, the team and the project are called."""
ROLE = "owner"
EMAIL = "owner@wiro-mock.invalid"


def list_projects(world: World, request: Request) -> Answer:
    """Show the project; with another `apikey` than its own, none. `requestCount` counts the runs taken on."""
    wanted, project = text_of(request.body.fields, "apikey"), world.project
    item: shapes.ProjectShape = {
        "id": project.id,
        "uuid": world.sim.account.uuid,
        "name": NAME,
        "description": "",
        "slug": None,
        "apikey": project.key,
        "ipwhitelist": [],
        "time": seconds(world.sim.began_at),
        "authmethod": "apikey-only" if project.key_only else "signature",
        "requestCount": str(world.sim.made),
    }
    return _answer(project=[item] if wanted in ("", project.key) else [])


def list_organizations(world: World, request: Request) -> Answer:  # noqa: ARG001 -- see the module
    """Show the organization with its team and what is in the wallet."""
    team: shapes.TeamShape = {
        "teamguid": _guid(world, "team"),
        "teamname": NAME,
        "teamstatus": 1,
        "role": ROLE,
        "walletbalance": float(world.sim.balance),
    }
    item: shapes.OrganizationShape = {
        "organizationguid": _guid(world, "organization"),
        "organizationname": NAME,
        "organizationstatus": 1,
        "isowner": True,
        "teams": [team],
    }
    return _answer(organizations=[item])


def list_members(world: World, request: Request) -> Answer:  # noqa: ARG001 -- see the module
    """Show the only member."""
    member: shapes.MemberShape = {
        "useruuid": world.sim.account.uuid,
        "role": ROLE,
        "status": "active",
        "username": NAME,
        "email": EMAIL,
        "avatar": "",
    }
    return _answer(members=[member])


def spending_of_april(world: World, request: Request) -> Answer:  # noqa: ARG001 -- see the module
    """`Team/SpendingSummary`, as the documentation of April 2026 has it (rest.md C27). No limit is set."""
    spent = float(world.sim.spent)
    return _answer(
        teamTotal=spent,
        playgroundTotal=0,
        apiTotal=spent,
        memberSpent={"total": spent, "playground": 0, "api": spent},
        spendLimit=None,
        memberSpendLimit=None,
    )


def spending(world: World, request: Request) -> Answer:  # noqa: ARG001 -- see the module
    """`Team/Spending/Summary`, as the newest documentation has it (rest.md C27), its `teamtotal` in small letters."""
    spent = float(world.sim.spent)
    user = {"firstname": NAME, "lastname": "", "email": EMAIL, "avatar": "", "avatarinitials": "W"}
    member: shapes.SpendingShape = {
        "memberguid": _guid(world, "member"),
        "useruuid": world.sim.account.uuid,
        "role": ROLE,
        "spendlimit": None,
        "spent": spent,
        "playgroundSpent": 0,
        "apiSpent": spent,
        "user": user,
    }
    return _answer(teamtotal=spent, playgroundTotal=0, apiTotal=spent, spending=[member])


def list_wallets(world: World, request: Request) -> Answer:  # noqa: ARG001 -- see the module
    """Ours: the wallet, with its balance as in a task, a text of twelve decimals."""
    return _answer(wallet=[{"guid": _guid(world, "wallet"), "name": NAME, "balance": _printed(world.sim.balance)}])


def list_transactions(world: World, request: Request) -> Answer:
    """Ours: what finished tasks cost, the newest task first, page by page; a task that cost nothing is none."""
    page = page_of(request.body.fields)
    charged = [task for task in world.sim.tasks(newest_first=True) if task.cost]
    items = [_transaction(task) for task in charged[page.start : page.start + page.limit]]
    shape = {"result": True, "errors": [], "total": str(len(charged)), "transactions": items}
    return answer(shape, Outcome(reason=passed_over(request.body.fields)))


def _transaction(task: Task) -> dict[str, str]:
    amount = _printed(-(task.cost or Decimal(0)))
    return {"taskid": task.job.id, "amount": amount, "time": seconds(task.ended_at)}


def summarize_usage(world: World, request: Request) -> Answer:  # noqa: ARG001 -- see the module
    """Ours: how many runs the project took on and what was charged."""
    usage = {"apikey": world.project.key, "requestCount": str(world.sim.made), "totalcost": _printed(world.sim.spent)}
    return _answer(usage=[usage])


def list_coupons(world: World, request: Request) -> Answer:  # noqa: ARG001 -- see the module
    """Ours: nobody has coupons here."""
    return _answer(coupons=[])


def _guid(world: World, what: str) -> str:
    return ids.uuid(world.sim.seed, "workspace", what)


def _printed(amount: Decimal) -> str:
    return f"{amount:.12f}"


def _answer(**fields: object) -> Answer:
    return answer({"result": True, "errors": [], **fields}, Outcome())
