"use strict";
// Classes by a part of their name: those that begin with it, then those of which a word does, then all that hold it.
const finderOf = (classes) => {
  const plain = (text) => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
  const names = classes.map(plain);
  const rank = (text, asked) => {
    if (text === asked) return 0;
    if (text.startsWith(asked)) return 1;
    const place = text.indexOf(asked);
    if (place < 0) return -1;
    return /[\p{L}\p{N}]/u.test(text[place - 1]) ? 3 : 2;
  };
  return (typed) => {
    const asked = plain(typed.trim());
    const ranked = names.map((text, place) => [asked ? rank(text, asked) : 0, place]).filter(([order]) => order >= 0);
    return ranked.sort(([one, a], [other, b]) => one - other || a - b).map(([, place]) => place);
  };
};
