// Writes docs/images/*.png: the page of a real daemon after a minute of work.
import { mkdirSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { open, TOKEN } from "./place.mjs";

const place = await open();
const steer = async (path, body) => fetch(place.url + "/api/v1" + path, {
  method: "POST", headers: { authorization: "Bearer " + TOKEN, "content-type": "application/json" }, body: JSON.stringify(body || {}) });

try {
  await pause(2000);
  for (const name of ["delta", "broken", "slow"]) await steer(`/schedules/${name}/trigger`);
  await steer("/schedules/night/backfill", { from: "240h", to: "now", parallel: 4 });
  await pause(12000);
  mkdirSync("docs/images", { recursive: true });
  const moved = (await (await fetch(place.url + "/api/v1/runs?schedule=delta")).json()).runs[0].id;
  const shots = [["overview", "/", 1100, 900, "light"], ["overview-dark", "/", 1100, 900, "dark"], ["schedule", "/schedules/night", 1100, 900, "light"],
    ["run", `/runs/${moved}`, 1100, 700, "light"], ["phone", "/", 390, 844, "light"]];
  for (const [name, where, width, height, colorScheme] of shots) {
    const context = await place.browser.newContext({ viewport: { width, height }, colorScheme });
    const page = await context.newPage();
    await page.goto(place.url + where);
    await page.waitForFunction(() => document.getElementById("live").dataset.state === "on" || !document.querySelector("[data-events]"));
    await page.screenshot({ path: `docs/images/${name}.png` });
    await context.close();
  }
} finally {
  await place.close();
}
