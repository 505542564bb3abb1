"use strict";
(() => {
  const root = document.documentElement;
  const isTouched = matchMedia("(pointer: coarse)").matches;  // there a drag scrolls the page
  const theme = () => root.dataset.theme ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
  let isPrinting = false;

  // From the paper's colour to the strongest; about nothing; and one whose every colour is seen on the paper.
  // Blues and vermilion of Okabe and Ito; cividis (Nunez, Anderton and Renslow, 2018) without its end of the paper's shade.
  const SCALES = {
    light: {
      sequential: [[0, "#f7f9fb"], [0.5, "#6aaed6"], [1, "#08437c"]],
      diverging: [[0, "#0072b2"], [0.5, "#c3c7cd"], [1, "#d55e00"]],
      ordered: [[0, "#00224e"], [0.35, "#4a5a6f"], [0.7, "#948e77"], [1, "#d0b84f"]],
    },
    dark: {
      sequential: [[0, "#1b2128"], [0.5, "#2b6f9e"], [1, "#b5e0fb"]],
      diverging: [[0, "#56b4e9"], [0.5, "#6b7480"], [1, "#f08a3c"]],
      ordered: [[0, "#4a6a9c"], [0.35, "#7c8290"], [0.7, "#b9ac70"], [1, "#fee838"]],
    },
  };
  // On dark paper the palette's colours are a little lighter; their hues, and so their contrast for colour-blind people, stay.
  const LIGHTER = {
    "#0072b2": "#3b97dd", "#d55e00": "#f07d28", "#009e73": "#20b78b", "#cc79a7": "#dc94bb", "#e69f00": "#f3b93a", "#56b4e9": "#93d2f7",
  };
  const CONFIG = { responsive: true, displaylogo: false, displayModeBar: !isTouched, modeBarButtons: [["toImage", "resetScale2d"]] };

  const themed = (node, layout) => {
    const style = getComputedStyle(root);
    const look = (name) => style.getPropertyValue(`--${name}`).trim();
    const clear = "rgba(0,0,0,0)";
    const axis = { gridcolor: look("rule"), linecolor: look("rule"), tickcolor: look("rule"), zerolinecolor: look("rule") };
    const made = {
      ...layout,
      height: Number(node.dataset.height),
      paper_bgcolor: clear,
      plot_bgcolor: clear,
      font: { family: look("sans"), size: 12, color: look("ink") },
      hoverlabel: { bgcolor: look("raised"), bordercolor: look("soft"), font: { color: look("ink") }, align: "left" },
      dragmode: isTouched ? false : "zoom",
      modebar: { bgcolor: clear, color: look("soft"), activecolor: look("accent") },
    };
    for (const key of ["xaxis", "yaxis"]) made[key] = { ...axis, ...made[key] };
    if (made.coloraxis) made.coloraxis = { ...made.coloraxis, colorscale: SCALES[theme()][made.meta.scale] };
    if (isPrinting) made.width = node.closest(".beside") ? 320 : 660;
    return made;
  };
  const draw = (node) => {
    const text = node.nextElementSibling.textContent;
    const figure = JSON.parse(theme() === "dark" ? text.replace(/#[0-9a-f]{6}/g, (colour) => LIGHTER[colour] ?? colour) : text);
    Plotly.react(node, figure.data, themed(node, figure.layout), CONFIG);
    node.dataset.drawn = "";
  };
  const drawMissing = (node) => { if (!("drawn" in node.dataset)) draw(node); };

  // Plotly is packed in the page, in base64 and gzip: inlined as it is, it would be most of the page.
  const unpack = async () => {
    const packed = document.getElementById("plotly");
    const bytes = Uint8Array.from(atob(packed.textContent), (letter) => letter.charCodeAt(0));
    const script = document.createElement("script");
    script.textContent = await new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).text();
    document.head.append(script);
    packed.remove();
  };
  const giveUp = () => document.querySelectorAll(".plot").forEach((node) => {
    node.textContent = "This browser is too old to draw this. Its numbers are in the tables.";
    node.dataset.drawn = "";
  });

  // First what is near, then the rest when there is nothing else to do: the text never waits for a picture.
  const drawAll = () => {
    const plots = [...document.querySelectorAll(".plot")];
    if (!plots.length) return;
    const near = new IntersectionObserver(
      (entries) => entries.filter((entry) => entry.isIntersecting).forEach((entry) => drawMissing(entry.target)),
      { rootMargin: "400px" },
    );
    plots.forEach((node) => near.observe(node));
    const later = window.requestIdleCallback ?? ((act) => setTimeout(act, 30));
    const next = () => {
      const node = plots.find((one) => !("drawn" in one.dataset));
      if (node) { draw(node); later(next); }
    };
    later(next);
  };

  document.addEventListener("eksplora", ({ detail: why }) => {
    if (why !== "theme") isPrinting = why === "print";
    if (window.Plotly) document.querySelectorAll(why === "theme" ? ".plot[data-drawn]" : ".plot").forEach(draw);
  });
  document.addEventListener("DOMContentLoaded", () => unpack().then(drawAll, giveUp));
})();
