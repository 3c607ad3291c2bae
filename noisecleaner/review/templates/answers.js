"use strict";
// What was answered: place of a row -> answer, kept in the browser under the fingerprint of the rows.
const NONE = -1, CANNOT = -2; // answers that are no class; a class is its place
const answersOf = (data) => {
  const KEY = `noisecleaner-review-${data.key}`, WHO = "noisecleaner-verifier";
  const store = (() => {
    try {
      localStorage.setItem("noisecleaner", "1");
      return localStorage;
    } catch {
      return null; // some browsers keep nothing for files
    }
  })();
  let given = new Map(), givers = new Map(); // who gave those that came from a file
  const fits = ([place, answer]) => data.rows[place] && Number.isInteger(answer) && answer >= CANNOT && answer < data.classes.length;
  const recall = () => {
    if (!store) return;
    try {
      const kept = JSON.parse(store.getItem(KEY) || "{}");
      given = new Map((kept.answers || []).filter(fits));
      givers = new Map(kept.givers || []);
    } catch {
      given = new Map();
    }
  };
  const put = (place, answer, giver) => {
    if (answer === undefined) given.delete(place);
    else given.set(place, answer);
    if (giver === undefined) givers.delete(place);
    else givers.set(place, giver);
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
    edit(put);
    return kept(KEY, JSON.stringify({ answers: [...given], givers: [...givers] }));
  };
  const known = (place) => data.kind !== "fix" && data.rows[place][2] !== "";
  return {
    KEY,
    recall,
    change,
    known,
    open: (place) => !known(place) && !given.has(place),
    of: (place) => given.get(place),
    giver: (place) => givers.get(place),
    count: () => given.size,
    forget: () => change(() => {
      given.clear();
      givers.clear();
    }),
    who: () => store?.getItem(WHO) || "",
    remember: (name) => kept(WHO, name),
  };
};
