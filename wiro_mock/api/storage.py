"""`File/List` and `File/Delete`: what was uploaded, page by page, and getting rid of it.

Both exist (the newest documentation names them as what stands behind the gateway's `/v1/files`), and no source shows
what they take or answer (rest.md §2.2). So everything here is our choice: List takes `folderid`, `start` and `limit`
and answers with the items that File/FolderCreate and File/Upload answer with, folders first, each in order of their
making; Delete takes `fileid`, of an upload or of a folder with nothing in it. Inputs and outputs of tasks are neither
listed nor deleted here: they go with Task/InputOutputDelete.
"""

from __future__ import annotations

from wiro_mock.api import wire
from wiro_mock.api.answers import Answer, answer
from wiro_mock.api.body import text_of
from wiro_mock.api.messages import Outcome, Request, World
from wiro_mock.api.origin import origins
from wiro_mock.api.task_list import page_of, passed_over
from wiro_mock.kernel.files import File, Folder
from wiro_mock.kernel.refusals import No


def list_files(world: World, request: Request) -> Answer:
    """Show one page of a folder, or of what lies in none."""
    fields = request.body.fields
    folder_id = text_of(fields, "folderid")
    if folder_id and folder_id not in world.sim.files.folders:
        raise No.FILE_INVALID.refusal(reason=f"folderid {folder_id[:60]!r} is no folder here")
    held, page = held_in(world, folder_id), page_of(fields)
    shape = wire.file_list(held[page.start : page.start + page.limit], len(held), origins(request.origin))
    return answer(shape, Outcome(reason=passed_over(fields)))


def held_in(world: World, folder_id: str) -> list[Folder | File]:
    """The folders and uploads in a folder; with an empty id, those in none that is (still) there."""
    index = world.sim.files

    def is_here(parent_id: str) -> bool:
        return parent_id == folder_id if folder_id else parent_id not in index.folders

    folders = [folder for folder in index.folders.values() if is_here(folder.parent_id)]
    return [*folders, *(file for file in index.uploads.values() if is_here(file.folder_id))]


def delete_file(world: World, request: Request) -> Answer:
    """Delete an upload, whose URLs answer 404 at once, or an empty folder."""
    file_id = text_of(request.body.fields, "fileid")
    if not file_id:
        raise No.FILE_INVALID.refusal(reason="fileid is missing; File/Upload and File/List answer with it as id")
    if file_id in world.sim.files.folders:
        if held := len(held_in(world, file_id)):
            raise No.FILE_INVALID.refusal(reason=f"the folder holds {held} items; delete them first")
        world.sim.delete_folder(file_id)
        return answer({"result": True, "errors": []}, Outcome())
    file = next((one for one in world.sim.files.uploads.values() if one.id == file_id), None)
    if file is None:
        raise No.FILE_UNKNOWN.refusal(reason=f"fileid {file_id[:60]!r} is no upload or folder that is here")
    world.sim.delete_upload(file)
    return answer({"result": True, "errors": []}, Outcome(file=file.id))
