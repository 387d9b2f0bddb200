// A project in a fresh folder with a real `sluice serve` and a sandbox beside it, and Debian's Chromium to look at it.
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { chromium } from "playwright-core";

export const TOKEN = "let-the-browser-in";
const SLUICE = resolve(process.env.SLUICE_BUILD || "build", "sluice");

const CONFIG = (url, port) => `
version: 1
store: sqlite:.sluice/state.db
shared: shared
serve: { listen: "127.0.0.1:${port}", token: ${TOKEN}, drain: 2s }
connections:
  shop: { api: stock2shop, base_url: "${url}", queue_url: "${url}", username: sandbox, password: sandbox, client_id: 21 }
  feed: { api: productsup_stream, base_url: "${url}", token: sandbox-token }
schedules:
  delta: { recipe: feed.lua, about: "Products that changed, to the feed", every: 1h, args: { from: shop, to: feed, stream: "124773" }, timeout: 30m }
  night: { recipe: quick.lua, about: "Stock levels at night", cron: "TZ=Europe/Berlin\\n30 2 * * *" }
  often: { recipe: quick.lua, about: "Looks every second", every: 1s }
  slow: { recipe: slow.lua, about: ${process.env.SLUICE_SHOTS ? "'A long import'" : `"<script>document.title='owned'</script><b>bold</b>"`}, every: 1h }
  broken: { recipe: broken.lua, about: "Orders to the depot", every: 1h }
`;

const RECIPES = {
  "quick.lua": `print "looked"\n`,
  "slow.lua": `local task = require "sluice.task"
for i = 1, 2000 do print(("<img src=x onerror=alert(1)> line %d"):format(i)) io.stdout:flush() task.sleep(0.1) end\n`,
  "broken.lua": `error "the depot is closed"\n`,
  "feed.lua": `local sluice = require "sluice"
return sluice.recipe { about = "feed", args = { from = "connection", to = "connection", stream = "stream id" }, key = { "to", "stream" },
  run = function(args, run)
    local shop, feed = sluice.connect(args.from), sluice.connect(args.to)
    local upload = feed:uploader(args.stream)
    for product in shop:changed_products { cursor = run:cursor "products" } do product.id = tostring(product.id) upload:write(product) end
    upload:finish()
    run:commit()
  end }\n`,
};

// Starts a program; `ready` is what it says (a pattern) when it can be used.
async function start(argv, options, ready) {
  const child = spawn(SLUICE, argv, { ...options, stdio: ["ignore", "pipe", "pipe"] });
  let said = "", match = null;
  const hear = (bytes) => { said += bytes; match = match || said.match(ready); };
  child.stdout.on("data", hear);
  child.stderr.on("data", hear);
  for (let i = 0; i < 300 && !match && child.exitCode === null; i++) await pause(50);
  if (!match) throw new Error(`sluice ${argv[0]} did not start: ${said}`);
  return { child, match, said: () => said };
}

const ended = (child) => new Promise((done) => (child.exitCode !== null ? done() : child.once("exit", done)));

export async function open() {
  const dir = mkdtempSync(join(tmpdir(), "sluice-browser-"));
  const env = { ...process.env, XDG_STATE_HOME: join(dir, "shared-home") };
  const sandbox = await start(["sandbox", "--port", "0", "--products", "300", "--quiet"], { env }, /(http:\S+)/);
  for (const [name, text] of Object.entries(RECIPES)) writeFileSync(join(dir, name), text);
  writeFileSync(join(dir, "sluice.yaml"), CONFIG(sandbox.match[1], 0));
  const serve = await start(["serve"], { env, cwd: dir }, /the page is (http:\S+)/);
  const browser = await chromium.launch({ executablePath: process.env.CHROMIUM || "/usr/bin/chromium", args: ["--no-sandbox"] });
  return {
    url: serve.match[1], browser, dir, said: serve.said,
    async close() {
      await browser.close();
      for (const one of [serve, sandbox]) { one.child.kill("SIGTERM"); await ended(one.child); }
      rmSync(dir, { recursive: true, force: true });
    },
  };
}
