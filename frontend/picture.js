// A chart as a PNG of what is seen: its title, the drawing, and below what the page says of filters, dates and version.
const SCALE = 2, MARGIN = 16, LINE = 20; // pixels of the picture for one of the page; of the page

export async function savePicture(element) {
  const { width, height } = element.getBoundingClientRect();
  const style = getComputedStyle(document.body);
  const canvas = document.createElement("canvas");
  const context = canvas.getContext("2d");
  const figure = element.closest("figure");
  const below = [document.querySelector(".methods summary")?.textContent ?? "", location.href];
  context.font = `12px ${style.fontFamily}`;
  const lines = below.flatMap((text) => wrapped(context, text.trim(), width));
  canvas.width = SCALE * (width + 2 * MARGIN);
  canvas.height = SCALE * (height + LINE * (3.5 + lines.length) + 2 * MARGIN);
  context.scale(SCALE, SCALE);
  context.fillStyle = getComputedStyle(figure).backgroundColor;
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.textBaseline = "top";
  const muted = getComputedStyle(figure.querySelector(".picture")).color;
  const write = (text, top, font, colour) => {
    context.font = `${font} ${style.fontFamily}`;
    context.fillStyle = colour;
    context.fillText(text, MARGIN, top);
  };
  write(figure.querySelector("h2").textContent, MARGIN, "600 16px", style.color);
  write(figure.querySelector(".sub")?.textContent ?? "", MARGIN + LINE * 1.2, "12px", muted);
  const image = new Image(width, height);
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(new XMLSerializer().serializeToString(element.querySelector("svg")))}`;
  await image.decode();
  context.drawImage(image, MARGIN, MARGIN + LINE * 2.4, width, height);
  lines.forEach((text, place) => write(text, MARGIN + height + LINE * (3 + place), "12px", muted));
  const link = document.createElement("a");
  link.href = canvas.toDataURL("image/png");
  link.download = `${element.id}.png`;
  link.click();
}

// A text in lines that fit.
function wrapped(context, text, width) {
  const lines = [""];
  for (const word of text.split(/\s+/)) {
    const longer = `${lines.at(-1)} ${word}`.trim();
    if (context.measureText(longer).width <= width || !lines.at(-1)) lines[lines.length - 1] = longer;
    else lines.push(word);
  }
  return lines;
}
