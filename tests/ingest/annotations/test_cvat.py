"""CVAT's XML: tags of images, and everything that XML may do to who reads it."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.annotations import cvat, image, tag

from noisecleaner.errors import NoisecleanerError
from noisecleaner.ingest.annotations import Annotations, read_annotations
from noisecleaner.ingest.files.places import Place

BOX = '<box label="cat" source="manual" occluded="0" xtl="1" ytl="1" xbr="2" ybr="2" z_order="0"></box>'


def read(tmp_path: Path, text: str) -> Annotations | None:
    (tmp_path / "annotations.xml").write_text(text, "utf-8")
    return read_annotations(Place.parse(tmp_path / "annotations.xml"))


def labels(found: Annotations | None) -> list[str | None]:
    assert found is not None
    return found.table["trusted_label"].to_pylist()


def test_images_without_a_tag_or_with_several_are_counted(tmp_path: Path) -> None:
    text = cvat(image("a.png", tag("cat")), image("b.png"), image("c.png", tag("cat"), tag("dog")), image("d.png", BOX))
    found = read(tmp_path, text)
    assert labels(found) == ["cat", None, None, None]
    assert found is not None
    assert "1 image has several labels, none is taken; 2 images have no label; 1 box is not read" in (
        found.notices[0].message
    )


def test_a_tag_of_a_person_goes_before_one_of_a_program(tmp_path: Path) -> None:
    found = read(tmp_path, cvat(image("a.png", tag("cat", "auto"), tag("dog")), image("b.png", tag("cat", "auto"))))
    assert labels(found) == ["dog", "cat"]
    assert found is not None
    (notice,) = found.notices
    assert "1 tag of" in notice.message
    assert 'given by a program or a file (source="auto" or "file")' in notice.message


def test_attributes_of_tags_may_tell_the_id(tmp_path: Path) -> None:
    def known(name: str) -> str:
        return tag("cat").replace("></tag>", f'><attribute name="sample_id">{name}</attribute></tag>')

    other = BOX.replace("></box>", '><attribute name="sample_id">x</attribute></box>')
    found = read(tmp_path, cvat(image("0.png", other, known("a/&lt;1&gt;.png")), image("1.png", known("b/1.png"))))
    assert found is not None
    assert found.table["sample_id"].to_pylist() == ["a/<1>.png", "b/1.png"]
    found = read(tmp_path, cvat(image("0.png", known("a/1.png")), image("1.png", tag("cat"))))
    assert found is not None
    assert found.table.column_names == ["trusted_label", "file_name"]  # a tag that was made anew tells none


def test_boxes_and_videos_are_refused(tmp_path: Path) -> None:
    with pytest.raises(NoisecleanerError, match="only 2 box: what lies where in an image is not read"):
        read(tmp_path, cvat(image("a.png", BOX, BOX)))
    with pytest.raises(NoisecleanerError, match="tracks of a video") as refused:
        read(tmp_path, cvat('<track id="0" label="cat"></track>'))
    assert "CVAT for images 1.1" in refused.value.hint


@pytest.mark.parametrize(
    "text",
    [
        '<!DOCTYPE a [<!ENTITY e "x">]><annotations>&e;</annotations>',
        '<!DOCTYPE a [<!ENTITY e SYSTEM "file:///etc/passwd">]><annotations>&e;</annotations>',
        '<!DOCTYPE a [<!ENTITY % e SYSTEM "http://localhost/x"> %e;]><annotations/>',
        '<!DOCTYPE annotations SYSTEM "x.dtd"><annotations/>',
    ],
    ids=["entity", "file", "parameter", "types"],
)
def test_declarations_are_never_read(tmp_path: Path, text: str) -> None:
    with pytest.raises(NoisecleanerError, match="declares no types and no entities"):
        read(tmp_path, text)


def test_elements_nested_without_end_are_refused(tmp_path: Path) -> None:
    with pytest.raises(NoisecleanerError, match="elements within elements"):
        read(tmp_path, "<annotations>" + "<a>" * 100_000)


@pytest.mark.parametrize(
    "text",
    ["", "no XML", "<annotations>", "<annotation><object/></annotation>", '<?xml version="1.0" encoding="no"?><a/>'],
)
def test_other_files_are_none_of_cvat(tmp_path: Path, text: str) -> None:
    assert read(tmp_path, text) is None
