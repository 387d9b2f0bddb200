// Clicks and reads the page of a real `sluice serve`: never the API, never the store.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { open, TOKEN } from "./place.mjs";

let place, page, problems = [];

before(async () => {
  place = await open();
  page = await new_page();
});
after(async () => { if (place) await place.close(); });

async function new_page(options = {}) {
  const context = await place.browser.newContext({ viewport: { width: 1200, height: 850 }, ...options });
  const made = await context.newPage();
  made.setDefaultTimeout(15000);
  made.on("console", (m) => { if (m.type() === "error" && !/40[0134]/.test(m.text())) problems.push(m.text()); });
  made.on("pageerror", (e) => problems.push(String(e)));
  made.on("dialog", (dialog) => dialog.accept());
  return made;
}

const go = (where, on = page) => on.goto(place.url + where);

async function log_in(on = page) {
  await go("/login", on);
  await on.getByLabel("Token").fill(TOKEN);
  await on.getByRole("button", { name: "Log in" }).click();
  await on.getByText("Logged in").waitFor();
}

test("shows the schedules, readable for all on loopback", async () => {
  await go("/");
  for (const name of ["delta", "night", "often", "slow", "broken"]) await page.getByRole("link", { name, exact: true }).first().waitFor();
  await page.getByText("Log in to steer").waitFor();
});

test("refuses a change without the token, and with a wrong one", async () => {
  await go("/schedules/slow");
  await page.getByRole("button", { name: "Run now" }).click();
  await page.getByText("a change needs the token").waitFor();
  await page.getByLabel("Token").fill("wrong");
  await page.getByRole("button", { name: "Log in" }).click();
  await page.getByText("That is not the token.").waitFor();
  await go("/schedules/slow");
  assert.equal(await page.locator("#history a").count(), 0, "nothing has run");
});

test("triggers a run and shows its log grow, escaped", async () => {
  await log_in();
  await go("/schedules/slow");
  await page.getByRole("button", { name: "Run now" }).click();
  await page.getByText("Triggered").waitFor();
  await page.locator("#history").getByRole("link", { name: /^run \d+$/ }).first().click(); // it appears by itself
  const log = page.getByRole("log");
  await log.getByText("line 3", { exact: false }).first().waitFor();
  const first = await log.locator("span.line").count();
  await page.waitForFunction((n) => document.querySelectorAll("#lines .line").length > n + 10, first);
  assert.match(await log.innerText(), /<img src=x onerror=alert\(1\)> line 1\b/);
  assert.equal(await page.locator("#lines img").count(), 0);
});

test("cancels it, with the question answered, and says so", async () => {
  await page.locator("#title").getByRole("button", { name: "Cancel" }).click();
  await page.locator("#title .badge", { hasText: "cancelled" }).waitFor();
  assert.match(await page.getByRole("log").innerText(), /line 3\b/);
});

test("escapes what a config says of a schedule", async () => {
  await go("/schedules/slow");
  await page.getByText("<script>document.title='owned'</script><b>bold</b>").waitFor();
  assert.equal(await page.title(), "slow · sluice");
});

test("pauses with a note, shows the skipped fate, resumes", async () => {
  await go("/schedules/often");
  await page.locator("summary", { hasText: "Pause" }).click();
  await page.getByLabel("Why").fill("<b>moving</b> the depot");
  await page.locator("form[action$=pause]").getByRole("button", { name: "Pause" }).click();
  await page.getByText("paused by a person: <b>moving</b> the depot").waitFor();
  const skipped = page.locator("#history tr", { hasText: "the schedule was paused" }).first();
  await skipped.waitFor(); // by itself, as the times come
  assert.match(await skipped.innerText(), /skipped/);
  await page.getByRole("button", { name: "Resume" }).click();
  await page.getByRole("status").getByText("Resumed").waitFor();
  await page.locator("summary", { hasText: "Pause" }).waitFor();
});

test("says what is wrong with a backfill, and does a right one", async () => {
  await go("/schedules/night");
  await page.locator("summary", { hasText: "Backfill" }).click();
  await page.getByLabel("From").fill("nonsense");
  await page.locator("form[action$=backfill]").getByRole("button", { name: "Backfill" }).click();
  await page.getByText("'nonsense' is no time").waitFor();
  await page.getByRole("link", { name: "← Back" }).click();
  await page.locator("summary", { hasText: "Backfill" }).click();
  await page.getByLabel("From").fill("48h"); // of a daily schedule: two, whatever the hour is
  await page.locator("form[action$=backfill]").getByRole("button", { name: "Backfill" }).click();
  await page.getByText("2 due times will run, 0 left out.").waitFor();
  await page.locator("#history tr", { hasText: "backfill" }).first().waitFor();
});

test("shows what a recipe moved, budgets, and what needs a person", async () => {
  await go("/schedules/delta");
  await page.getByRole("button", { name: "Run now" }).click();
  await page.locator("#history tr").filter({ has: page.locator(".badge.good") }).getByRole("link", { name: /^run/ }).first().click();
  await page.locator("#sums .tile", { hasText: "sent" }).getByText("300").waitFor();
  await go("/schedules/broken");
  await page.getByRole("button", { name: "Run now" }).click();
  await page.locator("#history tr", { hasText: "failed" }).first().waitFor();
  await go("/");
  await page.locator("#person").getByRole("link", { name: "broken" }).waitFor();
  assert.ok(await page.locator("#budgets meter").count() > 0);
  await page.locator("#connections").getByText("shop", { exact: true }).waitFor();
});

test("works with the keyboard alone", async () => {
  await go("/");
  await page.keyboard.press("Tab");
  assert.equal(await page.evaluate(() => document.activeElement.textContent), "Skip to the content");
  await page.keyboard.press("Enter");
  let at = "";
  for (let i = 0; i < 40 && at !== "night"; i++) { await page.keyboard.press("Tab"); at = await page.evaluate(() => document.activeElement.textContent); }
  assert.equal(at, "night");
  await page.keyboard.press("Enter");
  await page.waitForURL("**/schedules/night");
  const focus = page.getByRole("button", { name: "Run now" });
  await focus.focus();
  await page.keyboard.press("Enter");
  await page.getByText("Triggered").waitFor();
});

test("reads and steers without scripts", async () => {
  const plain = await new_page({ javaScriptEnabled: false });
  await log_in(plain);
  await go("/schedules/night", plain);
  await plain.getByRole("button", { name: "Run now" }).click();
  await plain.getByText("Triggered").waitFor();
  await go("/runs", plain);
  await plain.locator("#runs").getByRole("link", { name: "night" }).first().waitFor();
  await plain.context().close();
});

test("finds schedules by name and by state, without scripts", async () => {
  const plain = await new_page({ javaScriptEnabled: false });
  const names = () => plain.locator("#schedules .name a").allInnerTexts();
  await go("/?q=o", plain);
  assert.equal((await names())[0], "broken"); // it needs a person
  await plain.getByLabel("Part of a name").fill("NIGH");
  await plain.getByRole("button", { name: "Find" }).click();
  assert.deepEqual(await names(), ["night"]);
  await plain.getByLabel("Part of a name").fill("");
  await plain.getByLabel("State").selectOption("Failing");
  await plain.getByRole("button", { name: "Find" }).click();
  assert.deepEqual(await names(), ["broken"]);
  await plain.getByLabel("Part of a name").fill("nothing like it");
  await plain.getByRole("button", { name: "Find" }).click();
  await plain.getByText("no schedule is like that").waitFor();
  await plain.context().close();
});

test("logs out for good: the old cookie is worth nothing", async () => {
  const other = await new_page();
  await log_in(other);
  const cookies = await other.context().cookies();
  assert.ok(cookies.every((c) => c.httpOnly && c.sameSite === "Strict"));
  await other.getByRole("button", { name: "Log out" }).click();
  await other.getByText("Log in to steer").waitFor();
  await other.context().addCookies(cookies);
  await go("/", other);
  await other.getByText("Log in to steer").waitFor();
  await other.context().close();
});

test("gives other sites nothing, and takes nothing of them", async () => {
  const other = await (await place.browser.newContext()).newPage(); // what it may not do is said in its console
  await other.route("http://evil.example/**", (route) => route.fulfill({ contentType: "text/html", body: `<!doctype html><title>evil</title>
    <form method="post" action="${place.url}/login"><input name="token" value="wrong"><button>Win</button></form>
    <script>window.got = fetch("${place.url}/api/v1/state", { mode: "no-cors" }).then(() => "asked", () => "refused")</script>` }));
  await other.goto("http://evil.example/");
  assert.equal(await other.evaluate(() => window.got), "refused");
  await other.getByRole("button", { name: "Win" }).click();
  await other.getByText("this request comes from another site").waitFor();
  await other.context().close();
});

test("has one heading, landmarks, labels, and colours that can be told apart", async () => {
  for (const colorScheme of ["light", "dark"]) {
    const seen = await new_page({ colorScheme });
    for (const where of ["/", "/?q=n", "/schedules/night", "/runs", "/runs/1", "/outbox", "/login", "/nowhere"]) {
      await go(where, seen);
      const wrong = await seen.evaluate(look);
      assert.deepEqual(wrong, [], `${where}, ${colorScheme}`);
    }
    await seen.context().close();
  }
});

// In the page: what is wrong with it for those who use a screen reader or have weak eyes (WCAG 2.2 AA).
function look() {
  const wrong = [], all = (what) => [...document.querySelectorAll(what)];
  if (all("h1").length !== 1) wrong.push("headings: " + all("h1").length);
  for (const one of ["main", "header", "nav[aria-label]", "html[lang]"]) if (!all(one).length) wrong.push("no " + one);
  const ids = all("[id]").map((e) => e.id);
  for (const id of ids) if (ids.indexOf(id) !== ids.lastIndexOf(id)) wrong.push("id twice: " + id);
  for (const e of all("input:not([type=hidden]):not([aria-hidden]), select")) if (!e.labels.length) wrong.push("no label: " + e.name);
  for (const e of all("a, button, summary")) if (!(e.textContent.trim() || e.getAttribute("aria-label"))) wrong.push("no name: " + e.outerHTML);
  const light = (c) => c.slice(0, 3).map((v) => (v /= 255) <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const parse = (text) => (text.match(/[\d.]+/g) || []).map(Number);
  const behind = (e) => { for (; e; e = e.parentElement) { const c = parse(getComputedStyle(e).backgroundColor); if (c.length === 3 || c[3] === 1) return c; } return [255, 255, 255]; };
  for (const e of all("body *")) {
    if (![...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim()) || !e.getClientRects().length) continue;
    const pair = [light(parse(getComputedStyle(e).color)), light(behind(e))].sort((a, b) => b - a);
    const ratio = (pair[0] + 0.05) / (pair[1] + 0.05);
    if (ratio < 4.5) wrong.push(`${ratio.toFixed(2)}: ${e.outerHTML.slice(0, 120)}`);
  }
  return wrong;
}

test("fits a phone, and is dark where that is wished", async () => {
  const phone = await new_page({ viewport: { width: 360, height: 740 }, colorScheme: "dark", hasTouch: true, isMobile: true });
  for (const where of ["/", "/schedules/delta", "/runs", "/runs/1", "/outbox", "/login"]) {
    await go(where, phone);
    const wide = await phone.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    assert.ok(wide <= 0, `${where} is ${wide} px too wide`);
    const ground = await phone.evaluate(() => getComputedStyle(document.body).backgroundColor);
    assert.equal(ground, "rgb(16, 22, 23)");
  }
  const sizes = await phone.evaluate(() => [...document.querySelectorAll("button")].map((b) => b.getBoundingClientRect().height));
  assert.ok(sizes.every((h) => h === 0 || h >= 28), "buttons can be hit: " + sizes);
  await phone.context().close();
});

test("broke nothing on the way: no error of a script, no breach of the policy", () => {
  assert.deepEqual(problems, []);
});
