"""A repository in the form of the official one: toy weights, and code of our own with the official code's traps."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

CODE = Path(__file__).parent / "stand_in"


def stand_in(weights: Path, folder: Path) -> Path:
    """Weights and code in one folder, as a hub's repository has them."""
    shutil.copytree(weights, folder)
    for file in CODE.glob("*.py"):
        shutil.copy(file, folder)
    config = json.loads((folder / "config.json").read_text())
    config["auto_map"] = {"AutoConfig": "hf_stand_in.HfConfig", "AutoModelForCausalLM": "hf_stand_in.HfMoondream"}
    config["config"]["tokenizer_file"] = str(folder / "tokenizer.json")
    (folder / "config.json").write_text(json.dumps(config))
    return folder
