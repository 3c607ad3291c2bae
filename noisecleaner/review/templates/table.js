"use strict";
// The table that is saved: every row that was asked, or of flagged ones those that were answered.
const tableOf = (data, answers) => {
  const { rows, classes } = data, { known, lost } = answers;
  const HEADER = ["sample_id", data.column, ...(data.weighed ? ["sample_probability"] : []), "verifier"];
  const values = new Map(classes.map((text, place) => [text, place]));
  if (data.none !== null) values.set(data.none, NONE);
  const line = (place, who) => {
    const [id, chance] = rows[place], value = answers.of(place);
    const giver = value === undefined ? "" : answers.giver(place) ?? who; // nobody looked at what cannot be shown
    const label = known(place) ? rows[place][2] : value === undefined || value === CANNOT ? "" : value === NONE ? data.none : classes[value];
    // what nobody can tell leaves the sample: a row with a probability and no label would say that it is still to do
    const out = !known(place) && (value === CANNOT || (value === undefined && lost(place)));
    return [id, label, ...(data.weighed ? [out ? "" : chance] : []), known(place) ? "" : giver];
  };
  const written = (who) => {
    const all = [...rows.keys()];
    const kept = data.kind === "fix" ? all.filter((place) => (answers.of(place) ?? CANNOT) !== CANNOT) : all;
    return csv.written([HEADER, ...kept.map((place) => line(place, who))]);
  };
  // how the file is called with so many open on this page, and on others
  const file = (here, elsewhere) => {
    const page = data.pages > 1 && (here || elsewhere) ? `-${data.page}` : "";
    return `${data.table}${page}${here ? "-unfinished" : ""}.csv`;
  };
  // what was saved before: place, answer and who gave it; null where it is no such file
  const read = (text) => {
    const [header = [], ...lines] = csv.parsed(text.replace(/^\ufeff/, ""));
    const [id, label, who] = ["sample_id", data.column, "verifier"].map((one) => header.indexOf(one));
    if (id < 0 || label < 0) return null;
    const places = new Map(rows.map(([name], place) => [name, place]));
    const told = { answers: [], strange: 0, others: 0 };
    for (const cells of lines) {
      const place = places.get(cells[id]), text = cells[label] ?? "", giver = cells[who] ?? "";
      const value = text === "" ? (giver === "" ? undefined : CANNOT) : values.get(text);
      if (place === undefined) told.others += 1;
      else if (text !== "" && value === undefined && !known(place)) told.strange += 1;
      else if (value !== undefined) told.answers.push([place, value, giver]);
    }
    return told;
  };
  return { written, file, read };
};
