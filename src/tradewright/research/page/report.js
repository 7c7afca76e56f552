"use strict";
(() => {
  const style = () => getComputedStyle(document.documentElement);
  // "@name" in a figure is the style sheet's --name.
  const resolve = (value, css) => {
    if (typeof value === "string") return value.startsWith("@") ? css.getPropertyValue("--" + value.slice(1)).trim() : value;
    if (Array.isArray(value)) return value.map((item) => resolve(item, css));
    if (value && typeof value === "object")
      return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, resolve(item, css)]));
    return value;
  };
  const drawn = new Set();
  const draw = (element) => {
    const figure = resolve(JSON.parse(document.getElementById(element.id + "-data").textContent), style());
    if (element.dataset.log === "true") figure.layout.yaxis.type = "log";
    const isNarrow = element.clientWidth < 560;
    if (isNarrow) {
      figure.layout.height = Math.round(figure.layout.height * 0.8);
      figure.layout.font.size = 11;
    }
    const config = { responsive: true, displaylogo: false, displayModeBar: isNarrow ? false : "hover", modeBarButtonsToRemove: ["select2d", "lasso2d", "sendChartToCloud"] };
    Plotly.react(element, figure.data, figure.layout, config);
    drawn.add(element);
  };
  const charts = [...document.querySelectorAll(".chart")];
  const seen = new IntersectionObserver(
    (entries) => {
      for (const entry of entries)
        if (entry.isIntersecting) {
          seen.unobserve(entry.target);
          draw(entry.target);
        }
    },
    { rootMargin: "800px" },
  );
  for (const element of charts) seen.observe(element);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => drawn.forEach(draw));
  addEventListener("beforeprint", () => charts.filter((element) => !drawn.has(element)).forEach(draw));
  for (const button of document.querySelectorAll("button[data-log-for]"))
    button.addEventListener("click", () => {
      const element = document.getElementById(button.dataset.logFor);
      const isLog = element.dataset.log !== "true";
      element.dataset.log = String(isLog);
      button.setAttribute("aria-pressed", String(isLog));
      draw(element);
    });
  for (const select of document.querySelectorAll("select[data-panels]"))
    select.addEventListener("change", () => {
      for (const option of select.options) document.getElementById(option.value).hidden = option.value !== select.value;
    });
})();
