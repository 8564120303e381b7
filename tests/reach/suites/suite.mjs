// A suite of its own, by node:test, on the server of WIRO_MOCK_URL: a world of its own, in which nothing goes wrong.
import assert from "node:assert";
import { createHmac } from "node:crypto";
import { after, before, test } from "node:test";

const origin = process.env.WIRO_MOCK_URL;
let world;

const json = async (url, init) => (await fetch(url, init)).json();
const post = (path, fields) => {
  const nonce = String(process.hrtime.bigint());
  const signature = createHmac("sha256", world.api_key).update(world.api_secret + nonce).digest("hex");
  const headers = { "x-api-key": world.api_key, "x-nonce": nonce, "x-signature": signature, "content-type": "application/json" };
  return json(world.url + path, { method: "POST", headers, body: JSON.stringify(fields) });
};

const others = async () => (await json(`${origin}/__wiro/worlds`)).worlds.filter((one) => one.id !== world.id);

// Both suites are there before either begins, and this one stays until the other has asked for everything.
before(async () => {
  world = await json(`${origin}/__wiro/worlds`, { method: "POST", body: JSON.stringify({ name: "node", time: "auto" }) });
  while ((await others()).length === 0);
});
after(async () => {
  while ((await others()).some((one) => one.requests < 5));
  await fetch(`${origin}/__wiro/worlds/${world.id}`, { method: "DELETE" });
});

for (const number of [1, 2, 3]) {
  test(`a task, for the ${number}. time`, async () => {
    const run = await post("/Run/moondream3-preview/caption", { inputImage: "https://example.com/cat.png" });
    assert.equal(run.result, true);
    const detail = await post("/Task/Detail", { tasktoken: run.socketaccesstoken });
    assert.equal(detail.tasklist[0].status, "task_postprocess_end");
    const tasks = await json(`${origin}/__wiro/tasks`, { headers: { "x-api-key": world.api_key } });
    assert.equal(tasks.tasks.length, number);
  });
}
