"""What the README says is true: its quick starts run as they stand, its settings are all there."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import SecretStr
from pydantic.fields import FieldInfo

from edge.settings import Settings as EdgeSettings
from server.worker import WorkerSettings
from tests.system import System

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()

FURTHER_SETTINGS = {"LIMEN_ADMIN_PASSWORD"}
"""Read by a command rather than by a process."""

_LONGEST_SECONDS = 60


def section(title: str) -> str:
    """The text below a heading, up to the next one of its rank."""
    found = re.search(
        rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", README, re.MULTILINE | re.DOTALL
    )
    assert found, f"the README has no section {title!r}"
    return found[1]


def blocks(language: str, text: str) -> list[str]:
    """The fenced blocks of a language, in their order."""
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def run(limen: System, *command: str) -> str:
    """What a command prints in the root of the checkout, told where this limen is as limen is."""
    outside = {name: value for name, value in os.environ.items() if not name.startswith("LIMEN_")}
    told = {"LIMEN_DATA_DIR": str(limen.data_dir), **limen.addresses}
    done = subprocess.run(  # noqa: S603 - what this test was written to run
        command,
        cwd=ROOT,
        env=outside | told,
        capture_output=True,
        text=True,
        timeout=_LONGEST_SECONDS,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout


def test_the_quick_start_with_curl_runs_as_it_stands(limen: System, tmp_path: Path) -> None:
    assert shutil.which("curl"), "the README needs curl"
    script = tmp_path / "quick-start.sh"
    script.write_text("".join(blocks("sh", section("Quick start: curl"))))

    printed = run(limen, "sh", "-eu", str(script))

    assert '"displayName":"Ada"' in printed
    assert '"emailVerified":true' in printed
    assert '"action":"auth.sign_in"' in printed
    assert '"reason":"CREDENTIAL_INVALID"' in printed
    assert printed.endswith("refused\n")


def test_the_quick_start_with_python_runs_as_it_stands(limen: System, tmp_path: Path) -> None:
    (block,) = blocks("python", section("Quick start: Python"))
    script = tmp_path / "hello.py"
    script.write_text(block)

    refusal, who, *events = run(limen, sys.executable, str(script)).splitlines()

    assert refusal.startswith("SIGN_IN_FAILED - E-Mail-Adresse")
    assert who == "admin@limen.localhost is admin"
    assert "auth.sign_in" in events[0]


def test_the_addresses_of_the_readme_are_the_defaults() -> None:
    fields = EdgeSettings.model_fields

    assert f"LIMEN_HTTP_ADDRESS:-{fields['http_address'].default}" in README
    assert f'"LIMEN_GRPC_ADDRESS", "{fields["grpc_address"].default[0]}"' in README


def settings() -> dict[str, tuple[FieldInfo, ...]]:
    """The fields behind each setting; two where the core and the edge both read it."""
    found: dict[str, tuple[FieldInfo, ...]] = {}
    for model in (WorkerSettings, EdgeSettings):
        for name, field in model.model_fields.items():
            found[f"LIMEN_{name.upper()}"] = (*found.get(f"LIMEN_{name.upper()}", ()), field)
    return found


def rows() -> dict[str, tuple[str, str]]:
    """Default and meaning of each setting, as the README has them."""
    found = re.findall(r"^\| `(LIMEN_\w+)` \| (.*?) \| (.*?) \|$", README, re.MULTILINE)
    assert len({name for name, _, _ in found}) == len(found), "a setting stands there twice"
    return {name: (default, meaning) for name, default, meaning in found}


def test_every_setting_stands_in_the_readme() -> None:
    assert set(rows()) == set(settings()) | FURTHER_SETTINGS


@pytest.mark.parametrize("name", settings())
def test_the_default_in_the_readme_is_the_one_in_force(name: str) -> None:
    default, meaning = rows()[name]
    first, *others = (shown(field) for field in settings()[name])

    assert default == first
    for other in others:
        assert other == first or f"E: {other.strip('`')}" in meaning or first == "required"


def shown(field: FieldInfo) -> str:
    """A default as the README writes it."""
    if field.is_required():
        return "required"
    default = field.default
    if default is None or default == ():
        return "unset"
    if isinstance(default, tuple):
        default = ",".join(default)
    if isinstance(default, bool):
        return f"`{str(default).lower()}`"
    assert not isinstance(default, SecretStr), "a secret has no default"
    return f"`{default:g}`" if isinstance(default, float) else f"`{default}`"


@pytest.mark.parametrize(
    "document",
    [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")],
    ids=lambda path: str(path.relative_to(ROOT)),
)
def test_links_lead_somewhere(document: Path) -> None:
    text = document.read_text()
    links = re.findall(r"\]\((?!https?:)([^)\s]+)\)", text)
    links += re.findall(r"^\[[^]]+\]: (?!https?:)(\S+)$", text, re.MULTILINE)

    for link in links:
        target, _, anchor = link.partition("#")
        found = (document.parent / target).resolve() if target else document
        assert found.exists(), f"{document.name} links to {target}"
        assert not anchor or anchor in anchors(found), f"{document.name} links to #{anchor}"


def anchors(document: Path) -> set[str]:
    """The anchors of a document's headings, as GitHub makes them."""
    titles = re.findall(r"^#+ (.*)$", document.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}
