/* What every page does beyond being read: the same place in the other language, and links that open what they lead to. */
"use strict";
(() => {
  // The address is all that is remembered: what a reader looks at stays the same in the other language.
  for (const link of document.querySelectorAll("a[data-keeps-hash]")) {
    const page = link.getAttribute("href");
    const keep = () => link.setAttribute("href", page + location.hash);
    for (const event of ["focus", "pointerenter", "pointerdown", "click"]) link.addEventListener(event, keep);
  }

  const targeted = () => {
    try {
      return document.getElementById(decodeURIComponent(location.hash.slice(1)));
    } catch {
      return null; // a stray percent sign is no name
    }
  };
  const open = () => {
    const target = targeted();
    const closed = [];
    for (let box = target; box; box = box.parentElement) {
      if (box instanceof HTMLDetailsElement && !box.open) closed.push(box);
    }
    for (const box of closed) box.open = true;
    if (closed.length) target.scrollIntoView();
  };
  addEventListener("hashchange", open);
  if (location.hash.length > 1) open();
})();
