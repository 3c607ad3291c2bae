"use strict";
// Who looks. A name that is new where others have answered is asked whether to see what they said.
const personOf = (answers, { onChange, onOther }) => {
  const name = document.getElementById("rv-name"), ask = document.getElementById("rv-who");
  let before = ""; // the name that answers are given under
  const enter = (now, how) => {
    const was = answers.book();
    before = now;
    answers.remember(now);
    onChange(how(now));
    return answers.book() !== was;
  };
  // whether it is clear who looks
  const settle = () => {
    const now = name.value.trim();
    if (ask.open) return false;
    if (now === "" || now === before) return true;
    const others = answers.others(now);
    if (!others.length) {
      if (enter(now, answers.join)) onOther();
      return true;
    }
    for (const one of ask.querySelectorAll(".rv-others")) one.textContent = others.join(", ");
    for (const one of ask.querySelectorAll(".rv-me")) one.textContent = now;
    ask.showModal();
    return false;
  };
  const choose = (how) => {
    enter(name.value.trim(), how);
    ask.close();
    onOther();
  };
  document.getElementById("rv-with").addEventListener("click", () => choose(answers.join));
  document.getElementById("rv-blind").addEventListener("click", () => choose(answers.part));
  ask.addEventListener("close", () => {
    if (name.value.trim() === before) return;
    name.value = before; // whoever does not choose has not come
    answers.remember(before);
    onOther();
  });
  name.addEventListener("input", () => answers.remember(name.value));
  name.addEventListener("change", settle);
  name.value = answers.who();
  return { settle, asking: () => ask.open, name: () => name.value.trim() };
};
