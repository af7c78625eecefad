// Loaded before Microsoft's validator of reports: it asks the web for published schemas, and gets those of a folder. What is not there is said
// and fails. SCHEMAS is the folder that has schemas-fabric and schemas-theme.
const https = require("https");
const fs = require("fs");
const path = require("path");
const { EventEmitter } = require("events");
const { Readable } = require("stream");

const FABRIC = "https://developer.microsoft.com/json-schemas/fabric/";
const THEME = /reportThemeSchema-[\d.]+\.json/;

function fileOf(url) {
  if (url.startsWith(FABRIC)) {
    return path.join(process.env.SCHEMAS, "schemas-fabric", url.slice(FABRIC.length).split(/[?#]/)[0]);
  }
  const theme = url.match(THEME);
  return theme && path.join(process.env.SCHEMAS, "schemas-theme", theme[0]);
}

https.get = (url, options, answered) => {
  const request = new EventEmitter();
  request.destroy = request.setTimeout = request.end = () => request;
  process.nextTick(() => {
    const file = fileOf(String(url));
    if (!file || !fs.existsSync(file)) {
      process.stderr.write(`no schema for ${url}\n`);
      request.emit("error", new Error(`no schema for ${url}`));
      return;
    }
    const response = Readable.from([fs.readFileSync(file)]);
    response.statusCode = 200;
    response.headers = { "content-type": "application/json" };
    response.setEncoding = () => response;
    (typeof options === "function" ? options : answered)(response);
  });
  return request;
};
require("module").syncBuiltinESMExports();
