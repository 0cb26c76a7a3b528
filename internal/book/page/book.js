// The search box, and what a page of closed parts needs: they open for who follows a link into one, and for print.
"use strict";
(() => {
  // Words that a question has and an answer need not have.
  const stopWords = new Set(("a about after an and are as at be because but by can could did do does for from get go happen happens has have how " +
    "i if in into is it its just like make me my no not of on one or our put out should so some than that the their them then " +
    "there these they this to up use want was we what when where which who why will with would you your").split(" "));
  // A learner's words for what the lessons say in other words.
  const alike = [
    ["keep", "persist", "outlive", "survive", "remember", "remain"], ["delete", "remove", "prune", "clean"],
    ["password", "secret", "login", "credential"], ["small", "size", "slim"], ["fast", "cache", "quick"],
    ["crash", "kill", "restart", "fail"], ["memory", "limit", "oom"], ["folder", "directory"], ["debug", "log", "inspect"],
    ["connect", "network", "reach", "publish"], ["vulnerability", "weakness", "scan"],
  ];
  const stem = word => word.length > 4 ? word.replace(/(ing|er|ed|es|e|s)$/, "") : word.length > 3 ? word.replace(/s$/, "") : word;
  const synonyms = new Map();
  for (const words of alike) {
    for (const word of words) synonyms.set(stem(word), words.map(stem).filter(other => other !== stem(word)));
  }
  const term = word => {
    word = word.toLowerCase();
    return stopWords.has(word) || word.length < 2 ? null : stem(word);
  };

  const text = (root, selector) => [...root.querySelectorAll(selector)].map(e => e.textContent).join("\n");

  // The documents are the claims, and the parts of the lessons' introductions.
  const documents = () => {
    const found = [];
    for (const claim of document.querySelectorAll(".claim")) {
      const section = claim.closest(".claims"), lesson = claim.closest(".lesson");
      found.push({
        id: claim.id, kind: "claim", title: claim.querySelector("h4").textContent,
        section: section.querySelector("h3").firstChild.textContent, lesson: lesson.querySelector("h2").textContent,
        explanation: text(claim, ".explanation, .reason"), code: text(claim, ".code, .test"), said: text(claim, ".transcript"),
        verdict: claim.querySelector(".verdict").textContent,
      });
    }
    for (const heading of document.querySelectorAll(".introduction h3[id]")) {
      let body = "";
      for (let next = heading.nextElementSibling; next && next.tagName !== "H3"; next = next.nextElementSibling) {
        body += next.textContent + "\n";
      }
      found.push({
        id: heading.id, kind: "introduction", title: heading.textContent, section: "",
        lesson: heading.closest(".lesson").querySelector("h2").textContent, explanation: body, code: "", said: "", verdict: "introduction",
      });
    }
    return found;
  };

  // A claim is proven, where an introduction only tells.
  const liking = stored => stored.kind === "claim" ? 1 : 0.8;
  let index;
  const search = query => {
    if (!index) {
      index = new MiniSearch({
        fields: ["title", "section", "lesson", "explanation", "code", "said"],
        storeFields: ["title", "lesson", "verdict", "kind", "explanation"],
        processTerm: term,
        searchOptions: {
          boost: { title: 4, section: 3, explanation: 2, said: 0.3, code: 0.5 },
          prefix: word => word.length > 2, fuzzy: word => word.length > 5 ? 0.2 : false, weights: { fuzzy: 0.2, prefix: 0.5 },
          boostDocument: (id, term, stored) => liking(stored),
        },
      });
      index.addAll(documents());
    }
    const words = query.split(/[^\p{L}\p{N}_]+/u).map(term).filter(Boolean);
    if (!words.length) return [];
    // What has more of a question's words comes first, in their own form or in another that means the same.
    const group = word => ({
      combineWith: "OR",
      queries: [word, { queries: synonyms.get(word) ?? [], combineWith: "OR", fuzzy: false, prefix: false,
        boostDocument: (id, term, stored) => 0.6 * liking(stored) }],
    });
    return index.search({ combineWith: "OR", queries: words.map(group) }, { processTerm: word => word });
  };

  const query = document.getElementById("query"), hits = document.getElementById("hits");
  const found = document.getElementById("found"), results = document.getElementById("results");
  const most = 20;
  let waiting = 0; // for a pause in the typing
  const show = () => {
    clearTimeout(waiting);
    waiting = 0;
    results.replaceChildren();
    hits.hidden = !query.value.trim();
    if (hits.hidden) return;
    const all = search(query.value);
    found.textContent = all.length === 0 ? "Nothing is found. Try other words." :
      all.length === 1 ? "One place is found." :
      all.length > most ? `The best ${most} of ${all.length} places:` : `${all.length} places are found:`;
    for (const hit of all.slice(0, most)) {
      const item = document.createElement("li"), link = document.createElement("a");
      const where = document.createElement("span"), about = document.createElement("span");
      link.href = "#" + hit.id;
      link.textContent = hit.title;
      where.textContent = `${hit.verdict} · ${hit.lesson}`;
      about.textContent = hit.explanation.trim().slice(0, 140).replace(/\s+\S*$/, "") + " …";
      item.append(link, about, where);
      results.append(item);
    }
  };
  query.addEventListener("input", () => { clearTimeout(waiting); waiting = setTimeout(show, 120); });
  query.form.addEventListener("submit", event => { event.preventDefault(); show(); results.querySelector("a")?.focus(); });
  query.form.addEventListener("focusout", event => {
    if (event.relatedTarget && !query.form.contains(event.relatedTarget)) hits.hidden = true;
  });
  query.addEventListener("focus", () => { hits.hidden = !query.value.trim() || !results.children.length; });
  document.addEventListener("pointerdown", event => { if (!query.form.contains(event.target)) hits.hidden = true; });
  document.addEventListener("keydown", event => {
    const writing = /^(INPUT|TEXTAREA|SELECT)$/.test(document.activeElement?.tagName);
    if (event.key === "/" && !writing && !event.ctrlKey && !event.metaKey && !event.altKey) {
      event.preventDefault();
      query.focus();
      query.select();
    } else if (event.key === "Escape" && query.form.contains(document.activeElement)) {
      hits.hidden = true;
      query.focus();
    } else if ((event.key === "ArrowDown" || event.key === "ArrowUp") && query.form.contains(document.activeElement) && !hits.hidden) {
      if (waiting) show(); // later, it would take away what is gone to now
      const stops = [query, ...results.querySelectorAll("a")];
      const next = stops[stops.indexOf(document.activeElement) + (event.key === "ArrowDown" ? 1 : -1)];
      if (next) { event.preventDefault(); next.focus(); }
    }
  });
  results.addEventListener("click", event => { if (event.target.closest("a")) hits.hidden = true; });

  const open = () => {
    const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    for (let part = target?.closest("details"); part; part = part.parentElement.closest("details")) part.open = true;
    target?.scrollIntoView();
  };
  addEventListener("hashchange", open);
  if (location.hash) open();

  // The contents stand beside the book where there is room, and where there is none they are closed at first.
  const contents = document.querySelector("nav details"), wide = matchMedia("(min-width: 64rem)");
  const fit = () => { contents.open = wide.matches; };
  wide.addEventListener("change", fit);
  fit();

  let closed = [];
  addEventListener("beforeprint", () => {
    closed = [...document.querySelectorAll("details:not([open])")];
    for (const part of closed) part.open = true;
  });
  addEventListener("afterprint", () => { for (const part of closed) part.open = false; });
})();
