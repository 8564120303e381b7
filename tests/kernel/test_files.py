"""The file index: bytes counted once, found two ways, given up when nobody needs them."""

from __future__ import annotations

from tests.strategies import BLOBS
from wiro_mock.kernel.files import File, FileIndex, FileKind, make_file


def a_file(number: int, blob: int = 0) -> File:
    """A file with its own keys over one of the few blobs."""
    return make_file("seed", number, name="0.png", kind=FileKind.OUTPUT, blob=BLOBS[blob], at=7)


def index_of(*files: File) -> FileIndex:
    """An index with these files."""
    index = FileIndex()
    for file in files:
        index.add(file)
    return index


def test_a_file_is_found_by_access_key_and_by_cdn_folder() -> None:
    """The two forms of a file's URL; anything else finds nothing."""
    file, other = a_file(1), a_file(2, blob=1)
    index = index_of(file, other)
    assert index.by_accesskey(file.accesskey) is file
    assert index.by_cdn_folder(other.cdn_folder) is other
    assert index.by_accesskey(file.cdn_folder) is None
    assert index.by_cdn_folder(file.accesskey) is None
    assert list(index) == [file, other]


def test_shared_bytes_are_counted_once_and_kept_for_the_last_file() -> None:
    """Two files with the same digest are one blob in the store."""
    one, two = a_file(1), a_file(2)
    index = index_of(one, two, a_file(3, blob=1))
    assert index.bytes_kept == 100 + 200
    index.remove(one)
    assert (index.bytes_kept, index.abandoned, index.needs(BLOBS[0].digest)) == (300, [], True)
    index.remove(two)
    assert (index.bytes_kept, index.abandoned, index.needs(BLOBS[0].digest)) == (200, [BLOBS[0].digest], False)


def test_a_removed_file_is_gone_and_removing_it_again_is_no_error() -> None:
    """A forgotten task's files may have been deleted before."""
    file, shared = a_file(1), a_file(2)
    index = index_of(file, shared)
    index.remove(file)
    index.remove(file)
    assert index.by_accesskey(file.accesskey) is index.by_cdn_folder(file.cdn_folder) is None
    assert (index.bytes_kept, list(index)) == (100, [shared])


def test_bytes_that_are_needed_again_are_not_abandoned() -> None:
    """A new upload of the same bytes must not lose them to the deletion of the old."""
    index = index_of(a_file(1))
    index.remove(a_file(1))
    index.add(a_file(2))
    assert index.abandoned == []


def test_a_file_without_a_folder_lies_in_the_folder_of_its_seed() -> None:
    """Outputs of one task share a parent; an upload may name its own."""
    assert a_file(1).folder_id == a_file(2).folder_id
    assert a_file(1).id != a_file(2).id
    given = make_file("seed", 1, name="0.png", kind=FileKind.UPLOAD, blob=BLOBS[0], at=7, folder_id="f" * 32)
    assert (given.folder_id, given.added_at) == ("f" * 32, 7)
