"use strict";
// What was answered, of which picture and by whom, kept in the browser. The answers of those who look without knowing
// of each other stand in books of their own: the first book is everybody's who has seen what stands in it.
const NONE = -1, CANNOT = -2; // answers that are no class; a class is its place
const folded = (name) => name.normalize("NFKC").trim().toLowerCase();
const answersOf = (data) => {
  const KEY = `noisecleaner-review-${data.key}`, WHO = "noisecleaner-verifier", FIRST = "";
  const store = (() => {
    try {
      localStorage.setItem("noisecleaner", "1");
      return localStorage;
    } catch {
      return null; // some browsers keep nothing for files
    }
  })();
  const lost = new Set(data.lost), pending = []; // what the browser has not taken yet
  let books = new Map(), open = FIRST;
  const bookOf = (founder) => {
    if (!books.has(founder)) books.set(founder, { people: [], given: new Map() });
    return books.get(founder);
  };
  const book = () => bookOf(open);
  const spot = (place) => `${place} ${data.prints[place]}`; // another picture under the same id is another question
  const entry = (place) => book().given.get(spot(place));
  const fits = ([, [answer, giver]]) => Number.isInteger(answer) && answer >= CANNOT && answer < data.classes.length && (giver === null || typeof giver === "string");
  const read = (text) => {
    const made = new Map();
    for (const [founder, { people, given }] of JSON.parse(text)) {
      made.set(founder, { people: people.filter((one) => typeof one === "string"), given: new Map(given.filter(fits)) });
    }
    return made;
  };
  const written = () => JSON.stringify([...books].map(([founder, { people, given }]) => [founder, { people, given: [...given] }]));
  const recall = () => {
    try {
      const text = store?.getItem(KEY) ?? null;
      if (text === null) return; // nobody has answered yet, or what was kept has been thrown away: what we know stands
      books = read(text);
    } catch {
      return;
    }
    for (const edit of pending) edit();
  };
  const kept = (key, text) => {
    try {
      store?.setItem(key, text);
      return store !== null;
    } catch {
      return false; // it is full
    }
  };
  const change = (edit) => {
    recall(); // another page of the plan may have answers of its own
    edit();
    pending.push(edit);
    if (kept(KEY, written())) pending.length = 0;
    return pending.length === 0;
  };
  const putInto = (founder) => (place, answer, giver) => {
    if (answer === undefined) bookOf(founder).given.delete(spot(place));
    else bookOf(founder).given.set(spot(place), [answer, giver]);
  };
  const known = (place) => data.kind !== "fix" && data.rows[place][2] !== "";
  const seen = () => data.rows.map((_, place) => place).filter((place) => entry(place));
  const holds = (founder, name) => bookOf(founder).people.some((one) => folded(one) === folded(name));
  const home = (name) => (holds(open, name) ? open : [...books.keys()].find((founder) => holds(founder, name)));
  // answers without a name are those of whoever says a name first
  const take = (from, to, name) => {
    const target = bookOf(to), source = bookOf(from);
    for (const [where, [answer, giver]] of [...source.given]) {
      if (giver !== null) continue;
      source.given.delete(where);
      target.given.set(where, [answer, name]);
    }
    target.people = [...target.people.filter((one) => folded(one) !== folded(name)), name];
  };
  return {
    KEY,
    recall,
    book: () => open,
    change: (edit) => {
      const put = putInto(open);
      return change(() => edit(put));
    },
    known,
    lost: (place) => lost.has(place),
    open: (place) => !known(place) && !lost.has(place) && !entry(place),
    of: (place) => entry(place)?.[0],
    giver: (place) => entry(place)?.[1],
    count: () => seen().length,
    forget: () => {
      const founder = open;
      return change(() => { for (const place of data.rows.keys()) bookOf(founder).given.delete(spot(place)); });
    },
    // those whose answers would be shown to somebody who has not seen them yet
    others: (name) => (home(name) === undefined && seen().length ? book().people : []),
    join: (name) => {
      // who has answered other pictures of these ids has another book, because here nobody asks who may see them
      const from = open, strange = home(name) === undefined && book().people.length && book().given.size && !seen().length;
      const to = strange ? folded(name) : home(name) ?? open;
      open = to;
      return change(() => {
        if (!bookOf(to).given.size) bookOf(to).people = [];
        take(from, to, name);
      });
    },
    part: (name) => {
      const from = open, to = folded(name);
      open = to;
      return change(() => take(from, to, name));
    },
    who: () => {
      try {
        return store?.getItem(WHO) || "";
      } catch {
        return "";
      }
    },
    remember: (name) => kept(WHO, name),
  };
};
