// A chat with a language model in Node, written from the documented frames: the signature, Run, the socket, the end.
// Needs a WebSocket of Node's own: from release 22 on, or with --experimental-websocket.
import { createHmac } from "node:crypto";

const [api, socket, key, secret, prompt] = process.argv.slice(2);
const nonce = String(Date.now());
const signature = createHmac("sha256", key).update(secret + nonce).digest("hex");
const headers = { "x-api-key": key, "x-nonce": nonce, "x-signature": signature, "content-type": "application/json" };

const answered = await fetch(`${api}/Run/openai/gpt-5-2`, { method: "POST", headers, body: JSON.stringify({ prompt }) });
const run = await answered.json();
if (!run.result) throw new Error(run.errors[0].message);

const following = new WebSocket(socket);
following.onopen = () => following.send(JSON.stringify({ type: "task_info", tasktoken: run.socketaccesstoken }));
let frames = 0;
following.onmessage = ({ data }) => {
  const frame = JSON.parse(data);
  if (frame.type === "task_output") frames += 1;
  if (frame.type !== "task_postprocess_end") return;
  const { thinking, answer, usage } = frame.message[0].content;
  console.log(JSON.stringify({ frames, success: frame.success, thinking, answer, total: usage.total_tokens }));
  following.close();
};
