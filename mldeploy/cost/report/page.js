// Adds to the finished page: a switch of colours, readouts by pointer, touch and keyboard, sorting. Nothing is drawn anew.
"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const byId = id => document.getElementById(id);
  const make = (tag, properties = {}, ...children) => {
    const node = Object.assign(document.createElement(tag), properties);
    node.append(...children);
    return node;
  };
  const draw = (tag, attributes) => {
    const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
    return node;
  };

  // ---- words, as wording.py writes them
  const money = usd => usd === null ? "unknown" : usd === 0 ? "$0"
    : usd >= 0.01 ? "$" + usd.toLocaleString("en-US", {minimumFractionDigits: 2, maximumFractionDigits: 2})
    : "$" + (usd >= 1e-4 ? Number(usd.toPrecision(2)) : usd.toExponential(1));
  const exact = value => value.toLocaleString("en-US", {maximumFractionDigits: 0});
  const about = value => exact(Number(value.toPrecision(3)));
  const millis = ms => (ms >= 10 ? Math.round(ms).toLocaleString("en-US") : Number(ms.toPrecision(2))) + " ms";
  const grams = value => value === null ? "" : " · " + (value > 0 && value < 1e-6 ? "< 0.000001"
    : value >= 100 ? Math.round(value).toLocaleString("en-US") : Number(value.toPrecision(2))) + " gCO₂e per 1,000";

  // ---- scales: [low, high, start, end, isLog], as room.py wrote them
  const scaleOf = (svg, name) => {
    const [low, high, start, end, isLog] = JSON.parse(svg.dataset.scales)[name];
    const go = isLog ? Math.log : Number, back = isLog ? Math.exp : Number;
    return {
      low, high, start, end,
      at: value => start + (go(Math.min(Math.max(value, low), high)) - go(low)) / (go(high) - go(low) || 1) * (end - start),
      value: place => back(go(low) + Math.min(Math.max((place - start) / (end - start), 0), 1) * (go(high) - go(low))),
    };
  };
  const place = (svg, event) => {
    const box = svg.getBoundingClientRect(), view = svg.viewBox.baseVal;
    return [(event.clientX - box.left) / box.width * view.width, (event.clientY - box.top) / box.height * view.height];
  };
  const onPoint = (svg, act) => {
    for (const kind of ["pointermove", "pointerdown"]) svg.addEventListener(kind, event => act(...place(svg, event)));
  };
  const slider = (label, most, value, act) => {
    const input = make("input", {type: "range", min: 0, max: most, step: 1, value});
    input.addEventListener("input", () => act(Number(input.value)));
    return [make("label", {className: "slide"}, label, input), input];
  };

  // ---- colours
  const root = document.documentElement, dark = matchMedia("(prefers-color-scheme: dark)");
  const isDark = () => root.dataset.theme ? root.dataset.theme === "dark" : dark.matches;
  const button = make("button", {id: "theme", type: "button"});
  const label = () => { button.textContent = isDark() ? "light" : "dark"; button.ariaLabel = `switch to ${button.textContent} colours`; };
  button.addEventListener("click", () => { root.dataset.theme = isDark() ? "light" : "dark"; label(); });
  dark.addEventListener("change", label);
  document.querySelector("header").append(button);
  label();

  // ---- cost by requests
  const costs = all("svg[data-plot=cost]");
  if (costs.length) {
    const hidden = new Set(), readout = byId("cost-readout"), STEPS = 1000;
    const x = scaleOf(costs[0], "x");
    const ratio = at => Math.log(at / x.low) / Math.log(x.high / x.low);
    const value = (points, at) => {
      for (let i = 1; i < points.length; i++) {
        const [[x1, y1], [x2, y2]] = [points[i - 1], points[i]];
        if (x1 <= at && at <= x2) return x1 === x2 ? y1 : y1 + (y2 - y1) * (at - x1) / (x2 - x1);
      }
      return null;
    };
    const layers = costs.map(svg => {
      const line = draw("line", {class: "cross"}), dots = data.curves.map(curve => draw("circle", {class: `dot ${curve.css}`, r: 4.5}));
      svg.append(line, ...dots);
      return {svg, line, dots, x: scaleOf(svg, "x"), y: scaleOf(svg, "y")};
    });
    const rows = all("[data-curve]", readout).map(item => {
      const toggle = make("button", {type: "button", ariaPressed: "true"}, ...item.childNodes);
      item.append(toggle);
      return {toggle, usd: toggle.querySelector("b")};
    });
    let input, last;
    const show = (at, words = about) => {
      last = [at, words];
      at = Math.min(Math.max(at, x.low), x.high);
      const found = data.curves.map((curve, i) => ({...curve, i, usd: value(curve.points, at)}))
        .filter(each => each.usd !== null && !hidden.has(each.i)).sort((a, b) => a.usd - b.usd);
      for (const {line, dots, x, y} of layers) {
        for (const [name, to] of [["x1", x.at(at)], ["x2", x.at(at)], ["y1", y.start], ["y2", y.end]]) line.setAttribute(name, to);
        dots.forEach(dot => { dot.style.display = "none"; });
        for (const each of found) {
          dots[each.i].setAttribute("cx", x.at(at));
          dots[each.i].setAttribute("cy", y.at(each.usd));
          dots[each.i].style.display = "";
        }
      }
      readout.querySelector(".at").textContent = words(at);
      rows.forEach(({toggle, usd}, i) => {
        const own = found.find(each => each.i === i);
        usd.textContent = own ? money(own.usd) : "–";
        toggle.classList.toggle("least", own !== undefined && own === found[0]);
      });
      input.value = Math.round(ratio(at) * STEPS);
      const best = found[0] ? `, least ${money(found[0].usd)}: ${found[0].name}` : "";
      input.setAttribute("aria-valuetext", `${words(at)} requests a month${best}`);
    };
    let row;
    [row, input] = slider("requests", STEPS, 0, step => show(x.low * (x.high / x.low) ** (step / STEPS)));
    readout.before(row);
    for (const {svg, x} of layers) onPoint(svg, px => show(x.value(px)));
    rows.forEach(({toggle}, i) => toggle.addEventListener("click", () => {
      hidden.has(i) ? hidden.delete(i) : hidden.add(i);
      toggle.ariaPressed = String(!hidden.has(i));
      toggle.classList.toggle("is-off", hidden.has(i));
      costs.forEach(svg => all("polyline.curve", svg)[i].classList.toggle("is-off", hidden.has(i)));
      show(...last);
    }));
    all(".evens li").forEach((item, i) => {
      const go = make("button", {type: "button"}, ...item.childNodes);
      go.addEventListener("click", () => show(data.evens[i].requests, exact));
      item.append(go);
    });
    show(data.requests, exact);
  }

  // ---- cost by latency
  const times = all("svg[data-plot=latency]");
  if (times.length) {
    const readout = byId("latency-readout");
    const points = data.points.sort((a, b) => a.ms - b.ms || a.usd - b.usd);
    const layers = times.map(svg => {
      const ring = draw("circle", {class: "ring", r: 11});
      svg.append(ring);
      return {svg, ring, x: scaleOf(svg, "x"), y: scaleOf(svg, "y")};
    });
    let input;
    const show = i => {
      const point = points[i];
      for (const {ring, x, y} of layers) {
        ring.setAttribute("cx", x.at(point.ms));
        ring.setAttribute("cy", y.at(point.usd));
      }
      const line = `${millis(point.ms)} · ${money(point.usd)} a month${grams(point.carbon)}`;
      readout.replaceChildren(
        make("p", {className: point.css}, make("b", {textContent: line})),
        make("p", {className: `own ${point.css}`, textContent: point.name}),
        ...(point.remarks ? [make("p", {className: "soft", textContent: point.remarks})] : []),
      );
      input.value = i;
      input.setAttribute("aria-valuetext", `${line}, ${point.name}${point.remarks ? ", " + point.remarks : ""}`);
    };
    let row;
    [row, input] = slider("fast to slow", points.length - 1, 0, show);
    readout.before(row);
    for (const {svg, x, y} of layers) onPoint(svg, (px, py) => {
      let best = 0, least = Infinity;
      points.forEach((point, i) => {
        const away = (x.at(point.ms) - px) ** 2 + (y.at(point.usd) - py) ** 2;
        if (away < least) [best, least] = [i, away];
      });
      show(best);
    });
    show(Math.max(points.findIndex(point => point.chosen), 0));
  }

  // ---- tables: sort by a column, unknown values last; find words
  all("table.sortable").forEach(table => {
    const body = table.tBodies[0], heads = [...table.tHead.rows[0].cells];
    heads.forEach((head, column) => {
      const sort = make("button", {type: "button"}, ...head.childNodes);
      sort.addEventListener("click", () => {
        const isDown = head.getAttribute("aria-sort") === "ascending";
        heads.forEach(each => each.removeAttribute("aria-sort"));
        head.setAttribute("aria-sort", isDown ? "descending" : "ascending");
        const isNumber = [...body.rows].some(row => row.cells[column].dataset.value !== undefined);
        const key = row => isNumber ? row.cells[column].dataset.value : row.cells[column].textContent;
        const compare = (a, b) => {
          if (key(a) === undefined || key(b) === undefined) return (key(a) === undefined) - (key(b) === undefined);
          const order = isNumber ? key(a) - key(b) : key(a).localeCompare(key(b), "en");
          return isDown ? -order : order;
        };
        body.append(...[...body.rows].sort(compare));
      });
      head.append(sort);
    });
    if (body.rows.length < 8) return;
    const find = make("input", {type: "search", placeholder: "find cloud, region, size", ariaLabel: "show only the rows that contain"});
    find.addEventListener("input", () => {
      const words = find.value.toLowerCase().split(/\s+/);
      for (const row of body.rows) row.hidden = !words.every(word => row.textContent.toLowerCase().includes(word));
    });
    table.parentElement.before(make("div", {className: "find"}, find));
  });

  // ---- a source that is asked for is shown where it stands
  all(".bill a").forEach(link => link.addEventListener("click", () => document.querySelector(link.hash)?.scrollIntoView()));
})();
