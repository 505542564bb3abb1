"use strict";
(() => {
  const root = document.documentElement;
  const prefersDark = matchMedia("(prefers-color-scheme: dark)");

  // --- theme: as the system has it, until the button is pressed ---
  const theme = () => root.dataset.theme ?? (prefersDark.matches ? "dark" : "light");
  const remembered = (act) => { try { return act(localStorage); } catch { return null; } };  // a frame may forbid it

  const choose = (name) => {
    root.dataset.theme = name;
    remembered((storage) => storage.setItem("eksplora-theme", name));
    refresh();
  };
  const refresh = () => {
    const button = document.getElementById("theme");
    const isDark = theme() === "dark";
    button.textContent = isDark ? "Light" : "Dark";
    button.setAttribute("aria-pressed", String(isDark));
    button.setAttribute("aria-label", `Show the page in ${isDark ? "light" : "dark"} colours`);
    announce("theme");
  };
  const announce = (why) => document.dispatchEvent(new CustomEvent("eksplora", { detail: why }));  // plots.js listens
  const before = remembered((storage) => storage.getItem("eksplora-theme"));
  if (before === "dark" || before === "light") root.dataset.theme = before;

  let shown;  // the theme before printing: paper is light
  const print = (isOn) => {
    if (isOn) shown = root.dataset.theme;
    if (isOn || shown) root.dataset.theme = isOn ? "light" : shown;
    else delete root.dataset.theme;
    announce(isOn ? "print" : "printed");
  };

  // --- tables ---
  const keyOf = (cell) => cell.dataset.key === undefined ? null : Number(cell.dataset.key);
  const compare = (a, b, isNumber, sign) => {
    if (!isNumber) return sign * a.textContent.localeCompare(b.textContent, undefined, { numeric: true });
    const [x, y] = [keyOf(a), keyOf(b)];
    if (x === null || y === null) return (x === null) - (y === null);  // what is not defined is last either way
    return sign * (x - y);
  };
  const sort = (header) => {
    const body = header.closest("table").tBodies[0];
    const isRising = header.getAttribute("aria-sort") !== "ascending";
    const isNumber = header.classList.contains("number");
    const rows = [...body.rows].sort((a, b) =>
      compare(a.cells[header.cellIndex], b.cells[header.cellIndex], isNumber, isRising ? 1 : -1));
    for (const other of header.parentElement.cells) other.setAttribute("aria-sort", "none");
    header.setAttribute("aria-sort", isRising ? "ascending" : "descending");
    body.append(...rows);
  };

  document.addEventListener("DOMContentLoaded", () => {
    document.getElementById("theme").addEventListener("click", () => choose(theme() === "dark" ? "light" : "dark"));
    document.querySelectorAll("thead button").forEach((button) =>
      button.addEventListener("click", () => sort(button.closest("th"))));
    if (location.protocol === "about:") {  // in a frame without an address a link to a heading would leave the page
      document.querySelectorAll('a[href^="#"]').forEach((link) => link.addEventListener("click", (event) => {
        event.preventDefault();
        document.getElementById(link.getAttribute("href").slice(1)).scrollIntoView();
      }));
    }
    prefersDark.addEventListener("change", refresh);
    addEventListener("beforeprint", () => print(true));
    addEventListener("afterprint", () => print(false));
    refresh();
  });
})();
