const LEAST = 0.75; // of the size in which its letters have 14 pixels

const parts = (svg) => [...svg.querySelectorAll("[data-name], [data-line]")];

// The things that a path through `name` touches: what leads there, and where it leads.
function path(svg, name) {
  const lines = [...svg.querySelectorAll("[data-line]")];
  const lit = new Set([name]);
  for (const [from, to] of [["source", "target"], ["target", "source"]]) {
    const reached = new Set([name]);
    for (let grown = true; grown; ) {
      grown = false;
      for (const line of lines)
        if (reached.has(line.dataset[from]) && !reached.has(line.dataset[to])) {
          reached.add(line.dataset[to]);
          grown = true;
        }
    }
    for (const line of lines) if (reached.has(line.dataset[from])) lit.add(line);
    reached.forEach((thing) => lit.add(thing));
  }
  return lit;
}

function light(root, svg, name) {
  const lit = name ? path(svg, name) : new Set();
  svg.classList.toggle("lit-on", Boolean(name));
  for (const part of parts(svg)) {
    part.classList.add("part");
    part.classList.toggle("lit", lit.has(part) || lit.has(part.dataset.name));
  }
  for (const word of root.querySelectorAll("[data-word]")) word.classList.toggle("lit", lit.has(word.dataset.word));
}

function present(root, data) {
  const dialog = document.createElement("dialog");
  dialog.style.color = data.ink;
  dialog.style.background = data.ground;
  dialog.setAttribute("aria-label", data.title);
  dialog.tabIndex = -1;
  dialog.innerHTML = "<button type='button'>×</button><h1></h1>" + data.svg + "<p></p><small></small>";
  const leave = dialog.querySelector("button");
  leave.setAttribute("aria-label", data.leave);
  leave.addEventListener("click", () => dialog.close());
  dialog.querySelector("h1").textContent = data.title;
  dialog.querySelector("small").textContent = data.keys;
  const svg = dialog.querySelector("svg");
  for (const part of svg.querySelectorAll("[tabindex]")) part.removeAttribute("tabindex"); // nothing is opened here
  const off = new Set(data.off);
  const things = [...svg.querySelectorAll("[data-step]")];
  const stepOf = Object.fromEntries(things.map((thing) => [thing.dataset.name, Number(thing.dataset.step)]));
  const last = Math.max(0, ...Object.values(stepOf)) + 1;
  let step = 0;
  const draw = () => {
    for (const thing of things) thing.classList.toggle("later", Number(thing.dataset.step) > step);
    for (const line of svg.querySelectorAll("[data-line]"))
      line.classList.toggle("later", Math.max(stepOf[line.dataset.source], stepOf[line.dataset.target]) > step);
    for (const part of svg.querySelectorAll("[data-name], [data-line]"))
      part.classList.toggle("off", step === last && [part.dataset.name, part.dataset.source, part.dataset.target].some((name) => off.has(name)));
    dialog.querySelector("p").textContent = step === last ? data.without : data.sentence;
    dialog.dataset.at = step;
  };
  const move = (steps) => {
    step = Math.min(last, Math.max(0, step + steps));
    draw();
  };
  dialog.addEventListener("keydown", (event) => {
    const moved = { ArrowRight: 1, ArrowDown: 1, PageDown: 1, ArrowLeft: -1, ArrowUp: -1, PageUp: -1 }[event.key];
    if (!moved) return;
    event.preventDefault();
    move(moved);
  });
  svg.addEventListener("click", () => move(1)); // a finger has no arrow keys
  dialog.addEventListener("close", () => dialog.remove());
  root.append(dialog);
  draw();
  dialog.showModal();
  dialog.focus();
}

export default function ({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".story");
  root.innerHTML = data.svg + "<button type='button'></button>" + data.text;
  const button = root.querySelector("button");
  button.textContent = data.present;
  button.addEventListener("click", () => present(root, data));
  const svg = root.querySelector("svg");
  const { width, height } = svg.viewBox.baseVal; // a picture of many heads is moved sideways rather than too small
  svg.style.minWidth = `${LEAST * width}px`;
  svg.style.setProperty("--least", `${LEAST * height}px`);
  for (const part of svg.querySelectorAll("[data-name]")) {
    const name = part.dataset.name;
    const open = () => part.dataset.kind === "unit" && setTriggerValue("opened", name);
    part.addEventListener("mouseenter", () => light(root, svg, name));
    part.addEventListener("mouseleave", () => light(root, svg, ""));
    part.addEventListener("focus", () => light(root, svg, name));
    part.addEventListener("blur", () => light(root, svg, ""));
    part.addEventListener("click", open);
    part.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" && event.key !== " ") return;
      event.preventDefault();
      open();
    });
  }
}
