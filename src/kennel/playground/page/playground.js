// The page of `./kennel playground`: sends photos to its server, one after the other, and shows the answers.

const SVG = "http://www.w3.org/2000/svg";
const MOST_RESULTS = 12;
const results = document.querySelector("#results");
const status = document.querySelector("#status");
let queue = Promise.resolve();

function element(name, text = "", attributes = {}) {
  const made = document.createElement(name);
  made.textContent = text;
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

function rectangle(className, x, width, rounding = 0) {
  const made = document.createElementNS(SVG, "rect");
  const attributes = { class: className, x: `${x}%`, width: `${width}%`, height: "100%", rx: rounding };
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

const percent = (share) => `${(100 * share).toFixed(1)} %`;
const milliseconds = (seconds) => `${Math.round(1000 * seconds)} ms`;

function showAnswers(article, top) {
  const list = article.querySelector(".answers");
  for (const { breed, probability } of top) {
    const item = element("li");
    const bar = document.createElementNS(SVG, "svg");
    bar.setAttribute("class", "bar");
    bar.setAttribute("aria-hidden", "true");
    bar.append(rectangle("track", 0, 100, 4), rectangle("fill", 0, 100 * probability, 4));
    item.append(element("span", breed, { class: "name" }), element("span", percent(probability), { class: "share" }), bar);
    list.append(item);
  }
  list.hidden = false;
}

// The browser measures the whole, the server its own part, and of that the call.
function showLatency(article, total, answer) {
  if (answer.seconds === undefined || answer.seconds === null) return;
  const parts = [
    ["call", document.body.dataset.via ?? "call", answer.seconds],
    ["server", "server", answer.server_seconds - answer.seconds],
    ["browser", "browser", total - answer.server_seconds],
  ].map(([kind, name, seconds]) => [kind, name, Math.max(0, seconds)]);
  const chart = article.querySelector(".split");
  const list = article.querySelector(".latency ul");
  list.append(element("li", `${milliseconds(total)} in all:`, { class: "total" }));
  let x = 0;
  for (const [kind, name, seconds] of parts) {
    const width = (100 * seconds) / total;
    chart.append(rectangle(kind, x, width));
    x += width;
    list.append(element("li", `${name} ${milliseconds(seconds)}`, { class: kind }));
  }
  chart.setAttribute("aria-label", `Latency: ${[...list.children].map((item) => item.textContent).join(" ")}`);
  article.querySelector(".latency").hidden = false;
}

function showServedBy(article, servedBy) {
  const list = article.querySelector(".served");
  for (const [name, value] of Object.entries(servedBy)) list.append(element("dt", name), element("dd", value));
  list.hidden = list.children.length === 0;
}

function showText(article, selector, text) {
  const paragraph = article.querySelector(selector);
  paragraph.textContent = text;
  paragraph.hidden = !text;
}

async function ask(photo, name, article) {
  const started = performance.now();
  let answer;
  try {
    const response = await fetch("predict", { method: "POST", body: photo });
    answer = await response.json();
  } catch {
    answer = { error: "The playground does not answer. Is ./kennel playground still running?" };
  }
  const total = (performance.now() - started) / 1000;
  article.querySelector(".waiting").hidden = true;
  article.setAttribute("aria-busy", "false");
  showText(article, ".error", answer.error ?? "");
  showText(article, ".note", answer.note ?? "");
  showText(article, ".learned", answer.learned ?? "");
  if (answer.top?.length) showAnswers(article, answer.top);
  showLatency(article, total, answer);
  showServedBy(article, answer.served_by ?? {});
  status.textContent = answer.error
    ? `${name}: ${answer.error}`
    : `${name}: ${answer.top.map(({ breed, probability }) => `${breed} ${percent(probability)}`).join(", ")}`;
}

function add(photo, name) {
  document.querySelector("#empty").hidden = true;
  const article = document.querySelector("#result").content.cloneNode(true).firstElementChild;
  article.setAttribute("aria-label", name);
  const image = article.querySelector("img");
  image.alt = name;
  image.src = URL.createObjectURL(photo);
  image.addEventListener("error", () => { image.hidden = true; }, { once: true }); // a format that browsers do not show
  results.prepend(article);
  article.scrollIntoView({ block: "nearest" }); // on a phone the results are below the gallery
  while (results.children.length > MOST_RESULTS) {
    URL.revokeObjectURL(results.lastElementChild.querySelector("img").src);
    results.lastElementChild.remove();
  }
  status.textContent = `${name}: asking`;
  queue = queue.then(() => ask(photo, name, article));
}

function addAll(files) {
  for (const file of files) add(file, file.name || "pasted photo");
}

async function addSample(url, name) {
  add(await (await fetch(url)).blob(), name);
}

function listen() {
  const input = document.querySelector("#file");
  input.addEventListener("change", () => {
    addAll(input.files);
    input.value = "";
  });
  let depth = 0; // dragenter and dragleave also come from the elements inside
  const dragging = (change) => {
    depth = Math.max(0, depth + change);
    document.body.classList.toggle("dragging", depth > 0);
  };
  addEventListener("dragenter", () => dragging(1));
  addEventListener("dragleave", () => dragging(-1));
  addEventListener("dragover", (event) => event.preventDefault());
  addEventListener("drop", (event) => {
    event.preventDefault();
    dragging(-depth);
    addAll(event.dataTransfer.files);
  });
  addEventListener("paste", (event) => addAll(event.clipboardData.files));
}

async function showAbout() {
  const { samples, ...about } = await (await fetch("about")).json();
  document.body.dataset.via = about.via;
  document.querySelector("#about").textContent = Object.entries(about).map(([name, value]) => `${name} ${value}`).join(" · ");
  const gallery = document.querySelector("#gallery");
  for (const { url, label } of samples) {
    const button = element("button", "", { type: "button" });
    button.append(element("img", "", { src: url, alt: "", loading: "lazy" }), element("span", label));
    button.addEventListener("click", () => addSample(url, label));
    const item = element("li");
    item.append(button);
    gallery.querySelector("ul").append(item);
  }
  gallery.hidden = samples.length === 0;
}

listen();
queue = showAbout().catch(() => {}); // first: an answer names the way that it came
