"""What a file is called and what it is: names and types that a client sent, made fit for URLs and headers."""

from __future__ import annotations

import re

from wiro_mock.api.messages import Upload
from wiro_mock.kernel.files import plain_name
from wiro_mock.language.media import CONTENT_TYPES, content_type

_CONTENT_TYPE = re.compile(r"[\w.+-]{1,100}/[\w.+-]{1,100}(?:; ?[\w-]+=[\w.+\"-]{1,80})?", re.ASCII)
_EXTENSIONS = {kind: suffix for suffix, kind in CONTENT_TYPES.items()}


def content_type_of(declared: str, filename: str) -> str:
    """The content type to serve a file with: the declared one, or by its name where none worth the name was."""
    if _CONTENT_TYPE.fullmatch(declared) and declared != "application/octet-stream":
        return declared
    return content_type(plain_name(filename))


def suffix_of(upload: Upload) -> str:
    """The extension to give a stored input, with its dot: the file name's, or that of its content type."""
    match = re.search(r"\.[A-Za-z0-9]{1,8}$", upload.filename)
    return match[0].lower() if match else _EXTENSIONS.get(upload.blob.contenttype.partition(";")[0], ".bin")
