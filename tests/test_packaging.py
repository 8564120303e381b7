"""What is shipped: the wheel's contents, and that the scenarios are found however the package was installed.

The builds are real. Each way of installing is laid out in a folder, and asked in a Python of its own, which
sees the dependencies but neither this checkout nor the installation that runs the tests.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from importlib.metadata import Distribution
from pathlib import Path
from zipfile import ZipFile

import pytest

from tests.places import ROOT, in_a_checkout

pytestmark = in_a_checkout
SCENARIOS = sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "scenarios").rglob("*") if path.is_file())
NOT_COPIED = shutil.ignore_patterns(".*", "__pycache__", "build", "dist", "*.egg-info")
ASK = """
import json, site, sys
place, *libraries = sys.argv[1:]
sys.path[:0] = [place]
sys.path += libraries
if place in libraries:
    site.addsitedir(place)  # reads the .pth file of an editable install
import wiro_mock
from wiro_mock.loader import load_scenarios, shipped
from wiro_mock.explain.layout import Row, laid_out
names = [scenario.name for scenario in load_scenarios(shipped())]
told = laid_out("", [Row("at", f"{shipped()}/image.yaml:4")], clean=str)[-1].split()[-1]
print(json.dumps({"package": wiro_mock.__file__, "folder": str(shipped()), "names": names, "told": told}))
"""


def run(*command: str | Path, cwd: Path) -> str:
    """The output of a command, which must succeed; what it said is shown if it does not."""
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=280, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def unpacked(wheel: Path, place: Path) -> Path:
    """A folder with the wheel's contents, as an installation would have it."""
    with ZipFile(wheel) as archive:
        archive.extractall(place)
    return place


def copied_into_the_image() -> set[str]:
    """The files and folders at the top that the Dockerfile copies from the tree."""
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    return {name for line in re.findall(r"^COPY (?!--from)(.+)$", text, re.MULTILINE) for name in line.split()[:-1]}


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A plain copy of the tree: no `.git`, nothing installed."""
    return shutil.copytree(ROOT, tmp_path_factory.mktemp("plain") / "checkout", ignore=NOT_COPIED)


@pytest.fixture(scope="module")
def wheel(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from those parts of the tree that the Dockerfile copies: no more is needed for it."""
    dist = tmp_path_factory.mktemp("wheel")
    context = tmp_path_factory.mktemp("context")
    for name in copied_into_the_image():
        source = checkout / name
        (shutil.copytree if source.is_dir() else shutil.copyfile)(source, context / name)
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", dist, cwd=context)
    return next(dist.glob("*.whl"))


@pytest.fixture(scope="module")
def wheel_of_sdist(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from the source distribution, as a release is."""
    dist = tmp_path_factory.mktemp("sdist")
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", dist, cwd=checkout)
    return next(dist.glob("*.whl"))


@pytest.fixture
def editable() -> Path:
    """The site-packages of the editable install that runs these tests, if it is one."""
    installed = Distribution.from_name("wiro-mock").read_text("direct_url.json") or "{}"
    if not json.loads(installed).get("dir_info", {}).get("editable"):
        pytest.skip("wiro-mock is not installed with `pip install -e .` here")
    return Path(sysconfig.get_path("purelib"))


def ask(place: Path, cwd: Path) -> dict[str, str | list[str]]:
    """What a Python says that finds the package at this place, and is started elsewhere."""
    libraries = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    answer: dict[str, str | list[str]] = json.loads(
        run(sys.executable, "-I", "-S", "-c", ASK, place, *sorted(libraries), cwd=cwd)
    )
    return answer


def names_in(path: Path) -> Iterator[str]:
    """The names of the files in a wheel."""
    with ZipFile(path) as archive:
        yield from archive.namelist()


@pytest.mark.parametrize("built", ["wheel", "wheel_of_sdist"])
def test_a_wheel_holds_the_package_its_scenarios_its_types_and_its_licence(
    built: str, request: pytest.FixtureRequest
) -> None:
    """Built from the tree or by way of the source distribution."""
    names = set(names_in(request.getfixturevalue(built)))
    assert {f"wiro_mock/{scenario}" for scenario in SCENARIOS} <= names
    # Of what wiro-mock help shows, the one that does not lie in the package.
    assert {"wiro_mock/README.md", "wiro_mock/limits.md", "wiro_mock/testing/migration.md"} <= names
    assert {"wiro_mock/py.typed", "wiro_mock/__init__.py", "wiro_mock/kernel/simulation.py"} <= names
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in names)
    assert not any(name.startswith(("tests/", "scenarios/")) for name in names)


def test_the_wheel_of_the_image_is_the_wheel_of_a_release(wheel: Path, wheel_of_sdist: Path) -> None:
    """And the engine is sent all that the Dockerfile copies."""
    assert set(names_in(wheel)) == set(names_in(wheel_of_sdist))
    sent = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert sent == copied_into_the_image()


def test_the_image_has_what_cannot_be_installed_there() -> None:
    """The extras that a server uses, for pip is gone from it; and the guide that is named is there."""
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    assert "'.[fast,metrics,tls]'" in text
    guides = re.findall(r"\bwiro_mock/[\w/]+\.md", text)
    assert guides
    assert [name for name in guides if not (ROOT / name).is_file()] == []


def test_the_wheel_names_its_command_and_its_python(wheel: Path, tmp_path: Path) -> None:
    """`wiro-mock` on the command line, from Python 3.11 on, under the MIT licence."""
    info = next(unpacked(wheel, tmp_path).glob("*.dist-info"))
    assert "wiro-mock = wiro_mock.cli:main" in (info / "entry_points.txt").read_text()
    metadata = (info / "METADATA").read_text().splitlines()
    assert {"Name: wiro-mock", "Requires-Python: >=3.11", "License-Expression: MIT"} <= set(metadata)


def test_the_scenarios_are_found_in_a_wheel(wheel: Path, checkout: Path, tmp_path: Path) -> None:
    """Inside the package, though another folder of scenarios is near."""
    installed = unpacked(wheel, tmp_path / "site-packages")
    (tmp_path / "scenarios").mkdir()
    answer = ask(installed, tmp_path)
    assert answer["package"] == str(installed / "wiro_mock" / "__init__.py")
    assert answer["folder"] == str(installed / "wiro_mock" / "scenarios")
    assert answer["told"] == "wiro_mock/scenarios/image.yaml:4"
    assert answer["names"] == ask(checkout, tmp_path)["names"]


def test_the_scenarios_are_found_in_a_checkout(checkout: Path, tmp_path: Path) -> None:
    """Beside the package, with nothing installed."""
    answer = ask(checkout, tmp_path)
    assert answer["package"] == str(checkout / "wiro_mock" / "__init__.py")
    assert answer["folder"] == str(checkout / "scenarios")
    assert len(answer["names"]) >= 16


def test_the_scenarios_are_found_in_an_editable_install(editable: Path, checkout: Path, tmp_path: Path) -> None:
    """Beside the package, in the tree that was installed: an edit shows at once."""
    answer = ask(editable, tmp_path)
    assert answer["package"] == str(ROOT / "wiro_mock" / "__init__.py")
    assert answer["folder"] == str(ROOT / "scenarios")
    assert answer["names"] == ask(checkout, tmp_path)["names"]
