// Icons are <svg class="bi"><use href="/static/…/img/icons.svg#name"></use></svg>, as the server draws them (app/web/icons.py).

const SVG = "http://www.w3.org/2000/svg";

/** Makes `svg`, an icon of the page, show another icon of the sprite. */
function change(svg, name) {
  const use = svg.querySelector("use");
  use.setAttribute("href", use.getAttribute("href").replace(/#.*$/, `#${name}`));
}

/** Returns a new icon. The sprite's address is known from <body data-icons>. */
function create(name) {
  const svg = document.createElementNS(SVG, "svg");
  const use = document.createElementNS(SVG, "use");
  svg.setAttribute("class", "bi");
  svg.setAttribute("aria-hidden", "true");
  use.setAttribute("href", `${document.body.dataset.icons || ""}#${name}`);
  svg.append(use);
  return svg;
}

export { change, create };
