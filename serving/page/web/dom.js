// Creates elements. Text only becomes text nodes, so that the data of a lead cannot add markup.

const SVG = "http://www.w3.org/2000/svg";

export function make(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

export function draw(tag, attributes = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), attributes, children);
}

export function replace(place, ...children) {
  place.replaceChildren(...children.flat(Infinity).filter((child) => child !== null && child !== undefined));
}

/** A table with a caption; its roles are explicit because narrow windows show rows as blocks. */
export function table(caption, columns, rows, { className = "", hideCaption = false } = {}) {
  const heads = columns.map((column) =>
    make("th", { scope: "col", role: "columnheader", class: column.number ? "number" : null }, column.title));
  const body = rows.map((cells) => make("tr", { role: "row" }, cells.map((cell, place) => {
    const column = columns[place];
    const facts = { "data-title": column.title, class: `${column.number ? "number" : ""} ${column.className ?? ""}`.trim() || null };
    return column.head
      ? make("th", { scope: "row", role: "rowheader", ...facts }, cell)
      : make("td", { role: "cell", ...facts }, cell);
  })));
  return scrolling(make("div", { class: `scroll ${className}`, role: "group", "aria-label": caption }, make("table", { role: "table" },
    make("caption", { class: hideCaption ? "unseen" : null }, caption),
    make("thead", { role: "rowgroup" }, make("tr", { role: "row" }, heads)),
    make("tbody", { role: "rowgroup" }, body))));
}

/** Lets the keyboard reach a box as long as it can be scrolled. */
export function scrolling(box) {
  new ResizeObserver(() => {
    const isCut = box.scrollWidth > box.clientWidth || box.scrollHeight > box.clientHeight;
    if (isCut) box.tabIndex = 0;
    else box.removeAttribute("tabindex");
  }).observe(box);
  return box;
}

/** A list of names and values. */
export function facts(pairs) {
  return make("dl", { class: "facts" }, pairs.filter((pair) => pair !== null).map(([name, value]) =>
    make("div", {}, make("dt", {}, name), scrolling(make("dd", {}, value)))));
}

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== null && value !== undefined && value !== false) element.setAttribute(name, value);
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined));
  return element;
}
