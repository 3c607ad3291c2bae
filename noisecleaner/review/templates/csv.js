"use strict";
// Tables as RFC 4180 has them: cells come back as they were, whatever they hold.
const csv = (() => {
  const field = (text) => (/[",;\t\r\n]|^\s|\s$/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
  const written = (lines) => lines.map((cells) => cells.map(field).join(",") + "\r\n").join("");
  const parsed = (text) => {
    const cut = /^[^\r\n]*/.exec(text)[0], mark = [",", ";", "\t"].find((one) => cut.split(one).length > 1) || ",";
    const lines = [], end = text.length;
    let cells = [], place = 0;
    while (place < end) {
      let cell = "";
      if (text[place] === '"') {
        for (place += 1; place < end && (text[place] !== '"' || text[place + 1] === '"'); place += 1) {
          if (text[place] === '"') place += 1;
          cell += text[place];
        }
        place += 1;
      } else for (; place < end && text[place] !== mark && text[place] !== "\n" && text[place] !== "\r"; place += 1) cell += text[place];
      cells.push(cell);
      if (text[place] === mark && place + 1 < end) place += 1;
      else {
        if (text[place] === mark) cells.push("");
        place += text[place] === "\r" && text[place + 1] === "\n" ? 2 : 1;
        lines.push(cells);
        cells = [];
      }
    }
    return lines;
  };
  return { written, parsed };
})();
