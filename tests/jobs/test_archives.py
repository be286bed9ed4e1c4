import io
import zipfile

import numpy as np
import pytest

from jobs.errors import StoreError
from jobs.spec import PubResult
from jobs.store.archives import read_archive
from jobs.store.packing import pack_results, unpack_results


def archive(**arrays):
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


def claiming(shape, content=b"\0" * 8):
    """Return an archive whose array names a shape and holds some bytes."""
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        header, {"descr": "<f8", "fortran_order": False, "shape": shape}
    )
    return zipped("a.npy", header.getvalue() + content)


def zipped(name, content):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr(name, content)
    return file.getvalue()


def test_arrays_come_back_as_they_were(tmp_path):
    arrays = {
        "a": np.arange(6.0).reshape(2, 3),
        "b": np.array(["one", "two"]),
        "c": np.asfortranarray(np.arange(6).reshape(2, 3)),
        "d": np.zeros((0, 3)),
        "e": np.array(2.5),
    }
    (tmp_path / "file.npz").write_bytes(archive(**arrays))
    for found in (read_archive(archive(**arrays)), read_archive(tmp_path / "file.npz")):
        assert found.keys() == arrays.keys()
        for name, value in arrays.items():
            assert found[name].dtype == value.dtype
            np.testing.assert_array_equal(found[name], value)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"PK\x03\x04 and nothing",
        archive(a=np.arange(9))[:-40],
        claiming((10**12,)),  # eight terabytes, were it believed
        claiming((2,)),
        claiming((-1,)),
        claiming((10**9, 10**9, 10**9)),
        zipped("a.npy", b"\x93NUMPY\x09\x00 and nothing"),
        zipped("a.npy", b"\x93NUMPY\x01\x00\xff\xff" + b"(" * 65535),
        zipped("a.txt", b"text"),
        archive(a=np.array([{}], dtype=object)),
    ],
)
def test_other_content_is_one_error_and_takes_no_memory(content):
    with pytest.raises(ValueError, match=r"."):
        read_archive(content)


def test_a_bomb_is_not_unpacked(monkeypatch):
    from jobs.store import archives

    monkeypatch.setattr(archives, "MOST_BYTES", 1 << 20)
    with pytest.raises(ValueError, match="or 1 MiB"):
        read_archive(claiming((1 << 18,), bytes(1 << 21)))


def test_bits_that_are_fewer_than_their_shape_are_damage_not_zeros():
    whole = pack_results([PubResult({"c": np.ones((1, 8, 2), dtype=np.uint8)})])
    arrays = dict(np.load(io.BytesIO(whole)))
    text = arrays["manifest"].tobytes().replace(b"[1, 8, 2]", b"[1, 9, 2]")
    arrays["manifest"] = np.frombuffer(text, dtype=np.uint8)
    with pytest.raises(StoreError, match="npz archive of packed bits"):
        unpack_results(archive(**arrays))
