// Draws the unread number onto the icon of the tab: the mark of the site, its dot carrying the number.

const SIZE = 64; // pixels; the mark is drawn in 40 units
const BUBBLE = "M8 6h24a6 6 0 0 1 6 6v12a6 6 0 0 1-6 6H19l-9 7v-7H8a6 6 0 0 1-6-6V12a6 6 0 0 1 6-6z";

const link = document.querySelector('link[rel~="icon"]');
const plain = link && { href: link.getAttribute("href"), type: link.getAttribute("type") };

function circle(pen, radius, colour) {
  pen.beginPath();
  pen.arc(27, 13, radius, 0, 2 * Math.PI);
  pen.fillStyle = colour;
  pen.fill();
}

function draw(text) {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = SIZE;
  const pen = canvas.getContext("2d");
  pen.scale(SIZE / 40, SIZE / 40);
  // The colours of the light theme in both: a tab bar keeps to the browser's theme, not to ours.
  pen.fillStyle = "#8a7d72";
  pen.fill(new Path2D(BUBBLE));
  circle(pen, 13, "#c2410c");
  pen.fillStyle = "#fff";
  pen.font = `700 ${text.length > 1 ? 16 : 20}px system-ui, sans-serif`;
  pen.textAlign = "center";
  pen.textBaseline = "middle";
  pen.fillText(text, 27, 14);
  return canvas.toDataURL("image/png");
}

/** 0 brings the plain icon back. Above 9 there is no room for more than "9+". */
function show(number) {
  if (!link) {
    return;
  }
  if (number) {
    link.type = "image/png";
    link.href = draw(number > 9 ? "9+" : String(number));
  } else if (link.getAttribute("href") !== plain.href) {
    link.href = plain.href;
    link.type = plain.type || "";
  }
}

export { show };
