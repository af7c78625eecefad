// M parsed by Microsoft's parser: a JSON object of texts by name on standard input, what is wrong by name on standard output.
const path = require("path");
const { TaskUtils, DefaultSettings } = require(path.join(process.argv[2], "@microsoft", "powerquery-parser"));

let given = "";
process.stdin.on("data", (part) => (given += part));
process.stdin.on("end", async () => {
  const wrong = {};
  for (const [name, text] of Object.entries(JSON.parse(given))) {
    const done = await TaskUtils.tryLexParse(DefaultSettings, text);
    if (TaskUtils.isError(done)) wrong[name] = done.error.message;
  }
  process.stdout.write(JSON.stringify(wrong));
});
