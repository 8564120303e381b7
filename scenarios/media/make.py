"""Make the ready-made files of this folder: `python make.py`, or `python make.py FFMPEG` with a program of your own.

The GLB and the PDF are written byte by byte, and come out the same everywhere. The MP4 and the MP3 need ffmpeg with
libx264 and libmp3lame; those that lie here were made with the one that `pip install imageio-ffmpeg` brings
(README.md says which), and come out the same with it.
"""

from __future__ import annotations

import json
import struct
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
SAME_BYTES = ("-map_metadata", "-1", "-fflags", "+bitexact", "-flags", "+bitexact")
"""No date, no name of the encoder."""
MP4 = (
    *("-f", "lavfi", "-i", "testsrc2=size=320x180:rate=24:duration=2"),
    *("-f", "lavfi", "-i", "sine=frequency=440:sample_rate=22050:duration=2"),
    *("-vf", "boxblur=12:2", "-c:v", "libx264", "-preset", "veryslow", "-crf", "38", "-pix_fmt", "yuv420p"),
    *("-threads", "1", "-c:a", "aac", "-b:a", "16k", "-ac", "1", "-shortest", *SAME_BYTES),
    *("-movflags", "+faststart", "-f", "mp4"),
)
"""H.264 and AAC, with the index in front, so that a browser can begin to play before it has everything."""
MP3 = (
    *("-f", "lavfi", "-i", "sine=frequency=440:sample_rate=22050:duration=2"),
    *("-c:a", "libmp3lame", "-b:a", "32k", "-ac", "1", *SAME_BYTES, "-f", "mp3"),
)


def main() -> None:
    """Write all four."""
    (HERE / "sample.glb").write_bytes(glb())
    (HERE / "sample.pdf").write_bytes(pdf())
    for name, arguments in (("sample.mp4", MP4), ("sample.mp3", MP3)):
        subprocess.run([ffmpeg(), "-y", "-v", "error", *arguments, HERE / name], check=True)  # noqa: S603


def ffmpeg() -> str:
    """The program that was named, or that of imageio-ffmpeg."""
    if len(sys.argv) > 1:
        return sys.argv[1]
    import imageio_ffmpeg

    return str(imageio_ffmpeg.get_ffmpeg_exe())


def glb() -> bytes:
    """A tetrahedron in glTF 2.0: four corners, each face with three of its own, and one colour."""
    corners = ((1, 1, 1), (1, -1, -1), (-1, 1, -1), (-1, -1, 1))
    faces = ((0, 1, 2), (0, 3, 1), (0, 2, 3), (1, 3, 2))
    points = [corners[corner] for face in faces for corner in face]
    # The normal of a face of this tetrahedron points away from the corner that is not in it.
    away = [corners[({0, 1, 2, 3} - set(face)).pop()] for face in faces for _ in face]
    normals = [tuple(-part / 3**0.5 for part in corner) for corner in away]
    binary = b"".join(struct.pack("<3f", *vector) for vector in (*points, *normals))
    binary += struct.pack("<12H", *range(12))
    views = [
        {"buffer": 0, "byteOffset": 0, "byteLength": 144, "target": 34962},
        {"buffer": 0, "byteOffset": 144, "byteLength": 144, "target": 34962},
        {"buffer": 0, "byteOffset": 288, "byteLength": 24, "target": 34963},
    ]
    vectors = {"componentType": 5126, "count": 12, "type": "VEC3"}
    accessors = [
        {"bufferView": 0, **vectors, "min": [-1, -1, -1], "max": [1, 1, 1]},
        {"bufferView": 1, **vectors},
        {"bufferView": 2, "componentType": 5123, "count": 12, "type": "SCALAR"},
    ]
    colour = {"baseColorFactor": [0.42, 0.56, 0.62, 1], "metallicFactor": 0, "roughnessFactor": 0.8}
    mesh = {"primitives": [{"attributes": {"POSITION": 0, "NORMAL": 1}, "indices": 2, "material": 0}]}
    scene = {
        "asset": {"version": "2.0", "generator": "wiro_mock"},
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": [{"mesh": 0, "name": "tetrahedron"}],
        "meshes": [mesh],
        "materials": [{"pbrMetallicRoughness": colour}],
        "accessors": accessors,
        "bufferViews": views,
        "buffers": [{"byteLength": len(binary)}],
    }
    text = json.dumps(scene, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 4)
    chunks = struct.pack("<I4s", len(text), b"JSON") + text + struct.pack("<I4s", len(binary), b"BIN\0") + binary
    return struct.pack("<4sII", b"glTF", 2, 12 + len(chunks)) + chunks


def pdf() -> bytes:
    """A page of A5 with a line of text."""
    drawn = b"BT /F1 18 Tf 48 520 Td (A sample document of wiro_mock.) Tj ET"
    objects = (
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 420 595] /Contents 4 0 R"
        b" /Resources << /Font << /F1 5 0 R >> >> >>",
        b"<< /Length %d >>\nstream\n%b\nendstream" % (len(drawn), drawn),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    )
    made, places = b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n", []
    for number, content in enumerate(objects, 1):
        places.append(len(made))
        made += b"%d 0 obj\n%b\nendobj\n" % (number, content)
    table = b"0000000000 65535 f \n" + b"".join(b"%010d 00000 n \n" % place for place in places)
    trailer = b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, len(made))
    return made + b"xref\n0 %d\n%b%b" % (len(objects) + 1, table, trailer)


if __name__ == "__main__":
    main()
