# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
The distribution, built and installed in every way.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from unittest import SkipTest

from attrs import frozen
from twisted.trial.unittest import SynchronousTestCase

from mcpd import __version__
from tests.live.process import ROOT

_PATIENCE = 120
_BUILD = "from setuptools.build_meta import build_sdist as build; import sys; print(build(sys.argv[1]))"


def run(*command: object, cwd: Path) -> str:
    """
    Run a command, which must succeed, and give what it wrote.
    """
    given = [str(word) for word in command]
    ended = subprocess.run(
        given, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=_PATIENCE, check=False
    )
    said = ended.stdout.decode()
    if ended.returncode:
        raise AssertionError(f"{given} ended with {ended.returncode}:\n{said}")
    return said


def pip(*arguments: object, cwd: Path, python: str = sys.executable) -> None:
    """
    Run pip for an interpreter, without the network.
    """
    quiet = ("--quiet", "--disable-pip-version-check", "--no-input")
    run(sys.executable, "-m", "pip", "--python", python, *quiet, *arguments, cwd=cwd)


def copy_tracked(to: Path) -> None:
    """
    Copy what git knows of the checkout.

    Raises:
        SkipTest: This is no checkout.
    """
    if shutil.which("git") is None or not (ROOT / ".git").exists():
        raise SkipTest("This needs git and a checkout.")
    names = run("git", "ls-files", "-z", cwd=ROOT).split("\0")
    # What was removed and not committed yet is not there.
    for name in filter(None, names):
        if (ROOT / name).is_file():
            (to / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, to / name)


@frozen
class Built:
    """
    A copy of the checkout, and what was built of it.
    """

    source: Path
    wheel: Path
    sdist: Path


@cache
def build() -> Built:
    """
    Build everything, once.
    """
    folder = Path(mkdtemp(dir=Path.cwd()))
    source, out = folder / "source", folder / "out"
    source.mkdir()
    out.mkdir()
    copy_tracked(source)
    sdist = run(sys.executable, "-c", _BUILD, out, cwd=source).splitlines()[-1]
    pip("wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", out, source, cwd=folder)
    return Built(source, next(out.glob("*.whl")), out / sdist)


class PackagingTests(SynchronousTestCase):
    """
    What somebody has who installs the distribution.
    """

    def setUp(self) -> None:
        """
        Build it, if that was not done.
        """
        self.folder = Path(self.mktemp()).resolve()
        self.folder.mkdir()
        self.built = build()

    def test_installed(self) -> None:
        """
        However it is installed, twistd has the daemon, and the daemon tells its version.
        """
        for name, what in {
            "wheel": (self.built.wheel,),
            "sdist": ("--no-build-isolation", self.built.sdist),
            "editable": ("--no-build-isolation", "--editable", self.built.source),
        }.items():
            venv = self._venv(name)
            # The same distribution may be among what the path file shows.
            pip(
                "install",
                "--no-deps",
                "--no-index",
                "--ignore-installed",
                *what,
                cwd=self.folder,
                python=str(venv / "bin" / "python"),
            )
            self._check(venv, self.built.source if name == "editable" else venv)

    def _venv(self, name: str) -> Path:
        # Whatever the daemon needs, pip and setuptools too, is that of our own environment.
        venv = self.folder / name
        run(sys.executable, "-m", "venv", "--without-pip", venv, cwd=self.folder)
        version = f"python{sys.version_info.major}.{sys.version_info.minor}"
        packages = venv / "lib" / version / "site-packages"
        (packages / "dependencies.pth").write_text(f"{sysconfig.get_path('purelib')}\n")
        return venv

    def _check(self, venv: Path, place: Path) -> None:
        python = venv / "bin" / "python"
        twistd = (python, "-I", "-c", "from twisted.scripts.twistd import run; run()")
        said = run(*twistd, "--help", cwd=self.folder)
        self.assertRegex(said, r"(?m)^ +mcpd +\S")
        self.assertEqual(run(*twistd, "mcpd", "--version", cwd=self.folder), f"mcpd {__version__}\n")
        # And it is this one, not that of the checkout which runs the tests.
        found = run(python, "-I", "-c", "import mcpd; print(mcpd.__file__)", cwd=self.folder)
        self.assertIn(place, Path(found).parents)

    def test_wheel(self) -> None:
        """
        The wheel has all that runs, and nothing that would hide Twisted or is only for developers.
        """
        names = set(zipfile.ZipFile(self.built.wheel).namelist())
        needed = {"mcpd/py.typed", "mcpd/sandbox/child/__main__.py", "twisted/plugins/mcpd_tap.py"}
        self.assertLessEqual(needed, names)
        self.assertTrue(names.isdisjoint({"twisted/__init__.py", "twisted/plugins/__init__.py"}))
        tops = {name.partition("/")[0] for name in names}
        self.assertEqual({top for top in tops if not top.endswith(".dist-info")}, {"mcpd", "twisted"})

    def test_sdist(self) -> None:
        """
        The source distribution has all that somebody needs who packages or changes it.
        """
        with tarfile.open(self.built.sdist) as archive:
            names = {member.name.partition("/")[2] for member in archive if member.isfile()}
        for folder in ("etc", "plugins", "docs", "tests", "twisted/plugins", "newsfragments"):
            tracked = {
                str(path.relative_to(self.built.source))
                for path in (self.built.source / folder).rglob("*")
                if path.is_file() and path.name != "dropin.cache" and path.suffix != ".pyc"
            }
            self.assertTrue(tracked, folder)
            self.assertEqual(tracked - names, set())
        files = {"SECURITY.md", "LICENSE", "Makefile", "README.md", "NEWS.rst", "setup.cfg", "pyproject.toml"}
        self.assertLessEqual(files, names)
