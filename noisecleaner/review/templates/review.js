"use strict";
(() => {
  const LISTED = 200; // classes that are shown at once
  const LONGEST = 120; // characters of a label that are shown
  const at = (id) => document.getElementById(id);
  const data = JSON.parse(at("rv-data").textContent);
  const { classes, rows, shown } = data, fix = data.kind === "fix";
  const stage = at("rv-image"), find = at("rv-find"), list = at("rv-classes");
  const help = at("rv-help"), half = at("rv-half");
  const answers = answersOf(data), { open } = answers, found = finderOf(classes), table = tableOf(data, answers);
  const word = (answer) => (answer === CANNOT ? "cannot tell" : answer === NONE ? "none of the classes" : classes[answer]);
  const remembered = (kept) => { at("rv-memory").hidden = kept; };
  const change = (edit) => remembered(answers.change(edit));
  const openHere = () => shown.filter(open).length, openElsewhere = () => [...rows.keys()].filter(open).length - openHere();

  // ---- where we are
  const history = [];
  let here = 0;
  const album = albumOf(stage, shown.length, (index) => index === here && show());
  const isolated = (text) => {
    const made = document.createElement("bdi");
    made.textContent = text.length > LONGEST ? `${text.slice(0, LONGEST - 1)}…` : text;
    return made;
  };
  const message = (strong, text) => {
    const made = document.createElement("p"), head = document.createElement("strong");
    head.textContent = strong;
    made.append(head, text);
    return made;
  };
  const ready = () => here < shown.length && (album.at(here).complete || album.lost(here));
  const finished = `All ${shown.length.toLocaleString("en")} images have an answer.`;
  const show = () => {
    if (person.asking()) return; // what stands here may be what somebody does not want to know
    const total = shown.length, left = openHere(), elsewhere = openElsewhere(), end = here >= total;
    const now = album.at(here);
    if (end) stage.replaceChildren(message(left ? "This was the last image." : finished, ""));
    else if (album.lost(here)) stage.replaceChildren(message("This browser cannot show the image.", "Answer “cannot tell”, or go on."));
    else if (stage.firstChild !== now) stage.replaceChildren(now);
    if (now) album.fit(now);
    album.moved(here);
    const giver = end ? undefined : answers.giver(shown[here]);
    const by = giver && folded(giver) !== folded(person.name()) ? [" · answered by ", isolated(giver)] : [];
    at("rv-place").replaceChildren(`${end ? total : here + 1} of ${total}`, ...by);
    at("rv-bar").value = total - left;
    const more = data.pages > 1 ? ` Page ${data.page} of ${data.pages}; ${elsewhere} open on other pages.` : "";
    at("rv-count").textContent = `${total - left} answered, ${left} open.${more}`;
    at("rv-download").textContent = `Save ${table.file(0, fix ? 0 : elsewhere)}`;
    at("rv-back").disabled = here === 0;
    at("rv-next").disabled = end;
    at("rv-open").disabled = left === 0;
    at("rv-undo").disabled = history.length === 0;
    if (fix) pair();
    press();
  };
  const pair = () => {
    const place = shown[here];
    for (const button of [at("rv-keep"), at("rv-take")]) button.disabled = place === undefined;
    if (place === undefined) return at("rv-pair").replaceChildren();
    const [, given, suggested, value, confidence] = rows[place];
    const same = shown.filter((other) => rows[other][1] === given && rows[other][2] === suggested);
    const facts = document.createElement("small");
    const parts = [`${same.indexOf(place) + 1} of ${same.length} of this pair`];
    if (value !== null) parts.push(`${data.by} ${value}`);
    if (confidence !== null) parts.push(`suggestion ${confidence}`);
    facts.textContent = parts.join(" · ");
    const arrow = suggested === null ? [] : [" → ", isolated(classes[suggested])];
    at("rv-pair").replaceChildren(isolated(classes[given]), ...arrow, facts);
    at("rv-keep").querySelector("bdi").replaceWith(isolated(classes[given]));
    at("rv-take").querySelector("bdi").replaceWith(isolated(suggested === null ? "(no other suggestion)" : classes[suggested]));
    at("rv-take").disabled = suggested === null;
  };
  const press = () => {
    const place = shown[here], answer = place === undefined ? undefined : answers.of(place);
    const mark = (button, on) => button && button.setAttribute("aria-pressed", String(on));
    for (const button of list.querySelectorAll("button")) mark(button, Number(button.dataset.answer) === answer);
    mark(at("rv-cannot"), answer === CANNOT);
    mark(at("rv-none"), answer === NONE);
    if (!fix) return;
    mark(at("rv-keep"), place !== undefined && answer === rows[place][1]);
    mark(at("rv-take"), place !== undefined && answer !== undefined && answer === rows[place][2]);
  };
  const move = (index) => {
    here = Math.max(0, Math.min(shown.length, index));
    show();
  };
  const nextOpen = () => {
    const order = [...shown.keys()].map((step) => (here + 1 + step) % shown.length);
    const next = order.find((index) => open(shown[index]));
    move(next === undefined ? shown.length : next);
    if (next === undefined) say(finished, " Save them below.");
  };
  const say = (...parts) => at("rv-said").replaceChildren(...parts);
  const answer = (value) => {
    if (!person.settle() || !ready()) return; // nobody answers an image that is not there yet
    const place = shown[here], number = here + 1;
    history.push({ index: here, before: answers.of(place), giver: answers.giver(place) });
    change((put) => put(place, value, person.name() || null));
    const words = value < 0 ? word(value) : isolated(word(value));
    clear();
    nextOpen();
    if (here < shown.length) say(`${number}: `, words);
  };
  const undo = () => {
    const last = history.pop();
    if (!last) return;
    change((put) => put(shown[last.index], last.before, last.giver));
    move(last.index);
    say(`${last.index + 1}: undone`);
  };

  // ---- classes by name
  let matches = [], chosen = 0;
  const search = () => {
    matches = found(find.value);
    chosen = 0;
    fill();
  };
  const fill = () => {
    list.replaceChildren(...matches.slice(0, LISTED).map(entry));
    const more = matches.length > LISTED ? ` The first ${LISTED} are shown.` : "";
    if (find.value.trim()) {
      const told = matches.length ? [`${matches.length} found. Enter takes `, isolated(classes[matches[chosen]]), "."] : ["No class is called so."];
      at("rv-found").replaceChildren(...told, more);
      list.children[chosen]?.classList.add("rv-first");
      list.children[chosen]?.scrollIntoView({ block: "nearest" });
    } else {
      const key = document.createElement("kbd");
      key.textContent = "/";
      at("rv-found").replaceChildren(`${classes.length.toLocaleString("en")} classes.${more} Type letters or `, key, ".");
    }
    press();
    fade();
  };
  const fade = () => list.classList.toggle("rv-more", list.scrollTop + list.clientHeight < list.scrollHeight - 8); // there is more below
  const entry = (place) => {
    const line = document.createElement("li"), button = document.createElement("button");
    button.type = "button";
    button.dataset.answer = String(place);
    if (!fix && place < 10) {
      const key = document.createElement("kbd");
      key.textContent = String((place + 1) % 10);
      button.append(key);
    }
    button.append(isolated(classes[place]));
    line.append(button);
    return line;
  };
  const clear = () => {
    const inside = document.activeElement === find;
    if (find.value) {
      find.value = "";
      search();
    }
    if (inside) stage.focus({ preventScroll: true });
  };
  const searching = (event) => {
    if (event.key === "Escape") clear();
    else if (event.key === "Enter" && find.value.trim() && matches.length) answer(matches[chosen]);
    else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      const last = Math.min(matches.length, LISTED) - 1;
      chosen = Math.max(0, Math.min(last, chosen + (event.key === "ArrowDown" ? 1 : -1)));
      fill();
    } else return;
    event.preventDefault();
  };

  // ---- keys
  const keys = new Map([
    ["ArrowLeft", () => move(here - 1)],
    ["ArrowRight", () => move(here + 1)],
    ["x", () => answer(CANNOT)],
    ["u", undo],
    ["/", () => find.focus()],
    ["?", () => help.showModal()],
    ["Enter", nextOpen],
  ]);
  if (data.none !== null) keys.set("n", () => answer(NONE));
  if (fix) {
    keys.set("1", () => at("rv-keep").click());
    keys.set("2", () => at("rv-take").click());
  } else classes.slice(0, 10).forEach((_, place) => keys.set(String((place + 1) % 10), () => answer(place)));
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (person.asking()) return;
    if (help.open) {
      if (event.key === "?") help.close();
      return;
    }
    if (event.target === find) return searching(event);
    if (event.target.closest("input")) return;
    if (event.key === "Enter" && event.target.closest("button")) return;
    if (event.repeat && !event.key.startsWith("Arrow")) return; // a key that is held down answers one image
    const act = keys.get(event.key.length === 1 ? event.key.toLowerCase() : event.key);
    if (act) act();
    else if (/^\p{L}$/u.test(event.key)) {
      find.focus();
      find.value = event.key;
      search();
    } else return;
    event.preventDefault();
  });

  // ---- the table
  const HALF = data.kind === "recheck" ? "Images that are left out are often the doubtful ones: without them verifiers look better than they are."
    : "A plan measures only as a whole: “score” refuses an unfinished file. You can go on from it, here or elsewhere.";
  const tell = (...parts) => at("rv-told").replaceChildren(...parts);
  const download = () => {
    half.hidden = true;
    const file = table.file(fix ? 0 : openHere(), fix ? 0 : openElsewhere());
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([table.written(person.name())], { type: "text/csv" }));
    link.download = file;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
    const part = file === `${data.table}.csv` ? "" : " It is a part: go on, here or (load it there) elsewhere.";
    tell(`Saved ${file}. Where there was one already, the browser has put a number behind its name.${part}`);
  };
  const save = () => {
    answers.recall();
    half.hidden = true;
    if (!person.settle()) return;
    if (!person.name()) {
      tell("Say who you are first: the file names who verified each row.");
      return at("rv-name").focus();
    }
    const left = openHere();
    if (fix && !shown.some((place) => (answers.of(place) ?? CANNOT) !== CANNOT)) return tell("There is no answer to save yet.");
    if (fix || !left) return download();
    tell();
    at("rv-half-text").textContent = `${left} of ${shown.length} images have no answer yet. ${HALF}`;
    half.hidden = false;
    at("rv-on").focus();
  };

  // ---- a file that was saved before
  const load = async (file) => {
    const told = table.read(await file.text());
    if (!told) return tell("This is no such file: it needs the columns sample_id and ", data.column, ".");
    let taken = 0;
    change((put) => {
      taken = 0;
      for (const [place, value, giver] of told.answers) {
        if (!open(place)) continue;
        put(place, value, giver);
        taken += 1;
      }
    });
    const notes = [told.strange ? ` ${told.strange} labels are no class.` : "", told.others ? ` ${told.others} rows are not of this page.` : ""];
    tell(`Took ${taken} answers from the file; answers that were here stand.`, ...notes);
    nextOpen();
  };

  // ---- everything that can be clicked
  const click = (id, act) => at(id)?.addEventListener("click", (event) => {
    act();
    if (event.detail) stage.focus({ preventScroll: true }); // a mouse leaves no focus on which Enter would answer again
  });
  click("rv-back", () => move(here - 1));
  click("rv-next", () => move(here + 1));
  click("rv-open", nextOpen);
  click("rv-undo", undo);
  click("rv-cannot", () => answer(CANNOT));
  click("rv-none", () => answer(NONE));
  click("rv-keep", () => answer(rows[shown[here]][1]));
  click("rv-take", () => answer(rows[shown[here]][2]));
  list.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    answer(Number(button.dataset.answer));
    if (event.detail) stage.focus({ preventScroll: true });
  });
  find.addEventListener("input", search);
  list.addEventListener("scroll", fade, { passive: true });
  at("rv-ask").addEventListener("click", () => help.showModal());
  at("rv-close").addEventListener("click", () => help.close());
  const FORGET = at("rv-forget").textContent;
  help.addEventListener("close", () => { at("rv-forget").textContent = FORGET; });
  at("rv-forget").addEventListener("click", () => {
    const asked = `Really forget ${answers.count()}? Press again`;
    if (at("rv-forget").textContent !== asked) return at("rv-forget").replaceChildren(asked);
    remembered(answers.forget());
    history.length = 0;
    help.close();
    move(0);
    say("All answers are forgotten.");
  });
  at("rv-download").addEventListener("click", save);
  at("rv-anyway").addEventListener("click", download);
  at("rv-on").addEventListener("click", () => {
    half.hidden = true;
    stage.focus();
  });
  at("rv-load").addEventListener("change", (event) => {
    if (event.target.files.length) load(event.target.files[0]);
  });
  window.addEventListener("resize", () => {
    show();
    fade();
  });
  window.addEventListener("storage", (event) => {
    if (event.key !== answers.KEY || person.asking()) return;
    answers.recall();
    show();
  });

  const begin = () => {
    history.length = 0;
    const first = shown.findIndex(open);
    search();
    move(first < 0 ? shown.length : first);
  };
  const person = personOf(answers, { onChange: remembered, onOther: begin });
  change(() => undefined); // so that one learns at once where nothing is kept
  if (person.settle()) begin();
})();
