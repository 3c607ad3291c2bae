"use strict";
// pictures wait until the page has been painted, but not until they are scrolled to: paper shows them all
addEventListener("load", () => {
  for (const picture of document.querySelectorAll("img[loading=lazy]")) picture.loading = "eager";
});
// where more stands beside what is seen, and no scrollbar may tell so
(() => {
  const hint = (box) => box.classList.toggle("more", box.scrollWidth > box.clientWidth + 1);
  const watch = new ResizeObserver((seen) => seen.forEach((one) => hint(one.target)));
  for (const box of document.querySelectorAll(".wide")) {
    hint(box);
    watch.observe(box);
  }
})();
(() => {
  const at = (id) => document.getElementById(id);
  const form = at("nc-filters"), list = at("nc-cards");
  if (!form) return;
  const cards = [...list.children];
  const given = at("nc-given"), suggested = at("nc-suggested"), most = at("nc-most");
  const flagged = at("nc-flagged"), grouped = at("nc-grouped"), count = at("nc-count");
  const pair = (card) => `${card.dataset.given}>${card.dataset.suggested}`;
  const fits = (card) => {
    const { given: g, suggested: s, value } = card.dataset;
    if (given.value !== "" && g !== given.value) return false;
    if (suggested.value !== "" && s !== suggested.value) return false;
    if (most.value !== "" && (value === "" || Number(value) > Number(most.value))) return false;
    return !flagged.checked || "flagged" in card.dataset;
  };
  const groups = (shown) => {
    const of = new Map();
    for (const card of shown) of.set(pair(card), [...(of.get(pair(card)) || []), card]);
    return [...of.values()].sort((one, other) => other.length - one.length);
  };
  const title = (group) => {
    const line = document.createElement("li");
    line.className = "group";
    line.textContent = `${group[0].querySelector(".pair").textContent} (${group.length})`;
    return line;
  };
  const show = () => {
    const shown = cards.filter(fits);
    if (grouped.checked) list.replaceChildren(...groups(shown).flatMap((group) => [title(group), ...group]));
    else list.replaceChildren(...shown);
    count.textContent = `${shown.length} of ${cards.length} rows`;
  };
  form.addEventListener("input", show);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", () => setTimeout(show));
  for (const cell of document.querySelectorAll("button[data-given]")) {
    cell.addEventListener("click", () => {
      form.reset();
      given.value = cell.dataset.given;
      suggested.value = cell.dataset.suggested;
      setTimeout(() => { show(); at("nc-rows").scrollIntoView(); given.focus({ preventScroll: true }); }, 5);
    });
  }
  form.hidden = false;
  show();
})();
