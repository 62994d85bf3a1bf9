"""The note that the embedded database has been prepared."""

import shutil
import sys
from pathlib import Path

import pytest

from server.commands.preparation import Preparation


def test_it_is_known_once_remembered_and_only_for_the_same_steps(tmp_path: Path) -> None:
    preparation = Preparation(tmp_path, steps=["migrate", "bootstrap"])
    assert not preparation.is_known()
    preparation.remember()
    assert Preparation(tmp_path, steps=["migrate", "bootstrap"]).is_known()
    assert not Preparation(tmp_path, steps=["migrate"]).is_known()


def test_it_is_forgotten_with_the_cluster(tmp_path: Path) -> None:
    cluster = tmp_path / "cluster"
    cluster.mkdir()
    Preparation(cluster, steps=[]).remember()
    shutil.rmtree(cluster)
    assert not Preparation(cluster, steps=[]).is_known()


def test_a_new_revision_makes_it_unknown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    versions = tmp_path / "migrations" / "versions"
    versions.mkdir(parents=True)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "migrations", raising=False)
    (versions.parent / "__init__.py").touch()
    (versions / "0001_first.py").write_text("first = True\n")
    Preparation(tmp_path, steps=[]).remember()
    assert Preparation(tmp_path, steps=[]).is_known()
    (versions / "0002_second.py").write_text("second = True\n")
    assert not Preparation(tmp_path, steps=[]).is_known()
