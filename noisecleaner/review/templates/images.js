"use strict";
// Images that are near the one that is looked at; no other is decoded.
const albumOf = (stage, count, onLost) => {
  const ENLARGED = 12; // times that a small image is enlarged at most
  const addresses = document.getElementsByClassName("rv-picture"), near = new Map();
  const fit = (image) => {
    const { naturalWidth: width, naturalHeight: height } = image;
    if (!width || !height) return;
    const scale = Math.min(stage.clientWidth / width, stage.clientHeight / height, ENLARGED);
    image.width = Math.max(1, Math.round(width * scale));
    image.height = Math.max(1, Math.round(height * scale));
    image.classList.toggle("px", scale >= 2);
  };
  const made = (index) => {
    const image = new Image();
    image.alt = `Image ${index + 1} of ${count}`;
    image.draggable = false;
    image.addEventListener("load", () => fit(image));
    image.addEventListener("error", () => {
      image.dataset.lost = "";
      onLost(index);
    });
    image.src = addresses[index].textContent;
    return image;
  };
  const at = (index) => {
    if (!near.has(index) && index >= 0 && index < count) near.set(index, made(index));
    return near.get(index);
  };
  return {
    at,
    fit,
    lost: (index) => "lost" in at(index).dataset,
    moved: (here) => {
      for (const index of near.keys()) if (index < here - 1 || index > here + 2) near.delete(index);
      at(here + 1);
      at(here + 2);
    },
  };
};
