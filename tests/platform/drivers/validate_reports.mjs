// Microsoft's validator over report folders: paths as JSON on standard input, for each its diagnostics by code on standard output.
// PACKAGE is the folder of @microsoft/powerbi-report-authoring-cli.
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const { getMetadataProvider, locateReport, runReportValidation } = await import(
  pathToFileURL(`${process.env.PACKAGE}/dist/index.js`)
);
const provider = await getMetadataProvider();
const found = {};
for (const folder of JSON.parse(readFileSync(0, "utf8"))) {
  try {
    const { reportDir, defDir } = locateReport(folder);
    const { diagnostics } = await runReportValidation({ reportDir, defDir, provider, skipSchema: false });
    found[folder] = Object.fromEntries(
      Object.entries(diagnostics).map(([code, group]) => [code, group.items.map((item) => item.message)]),
    );
  } catch (error) {
    found[folder] = { [error.code ?? "ERROR"]: [error.message] };
  }
}
process.stdout.write(JSON.stringify(found));
