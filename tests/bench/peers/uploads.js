// uploads.js TASK IN URL: what uploads_sluice.lua does, in the fastest idiom that we know for node: JSON, http.Agent
const fs = require("fs"), http = require("http");
const [task, path, url] = process.argv.slice(2);
const tasks = {
  flat: (t) => { t.price *= 1.1; },
  nested: (t) => { for (const v of t.variants) v.price *= 1.1; },
};
const patch = tasks[task];
const agent = new http.Agent({ keepAlive: true, maxSockets: 2 });

function send(lines) {
  const body = Buffer.from(lines.join("\n") + "\n");
  return new Promise((resolve, reject) => {
    const headers = { "Content-Type": "application/x-ndjson", "Content-Length": body.length };
    const req = http.request(url + "/streams/1/products", { method: "POST", agent, headers }, (res) => {
      let text = "";
      res.setEncoding("utf8");
      res.on("data", (piece) => { text += piece; });
      res.on("end", () => {
        const stage = res.statusCode === 202 && JSON.parse(text).data.attributes.stages.upload;
        if (stage && stage.successCount === lines.length) resolve();
        else reject(new Error(`${res.statusCode}: ${text}`));
      });
    });
    req.on("error", reject);
    req.end(body);
  });
}

async function main() {
  const fd = fs.openSync(path, "r"), buf = Buffer.allocUnsafe(1 << 20);
  let rest = Buffer.alloc(0), out = [], flight = null;
  async function flush() {
    if (flight) await flight;
    flight = send(out);
    out = [];
  }
  for (let n; (n = fs.readSync(fd, buf, 0, buf.length, null)) > 0; ) {
    const block = Buffer.concat([rest, buf.subarray(0, n)]);
    const end = block.lastIndexOf(10) + 1;
    rest = Buffer.from(block.subarray(end));
    for (const line of block.toString("utf8", 0, end).split("\n")) {
      if (!line) continue;
      const t = JSON.parse(line);
      patch(t);
      out.push(JSON.stringify(t));
      if (out.length === 10000) await flush();
    }
  }
  if (out.length > 0) await flush();
  await flight;
  agent.destroy();
}
main().catch((problem) => { console.error(problem); process.exit(1); });
