"""What pyproject.toml cannot say: a wheel carries `conf/`, which lies at the top of the project, inside the package."""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py


class BuildWithConf(build_py):
    """Copies `conf/` to `eksplora/conf/`; an editable install reads it where it lies."""

    def run(self) -> None:
        """Build the package, then copy."""
        super().run()
        if not self.editable_mode:
            shutil.copytree("conf", Path(self.build_lib) / "eksplora/conf", dirs_exist_ok=True)


setup(cmdclass={"build_py": BuildWithConf})
