// The three ways of a realtime session in Node, written from the documented frames: a text is spoken, speech is written
// down, and a conversation with an interrupt. Needs a WebSocket of Node's own, as chat.mjs does.
import { createHmac } from "node:crypto";

const [api, address, key, secret, model, fields] = process.argv.slice(2);
const RATE = 24000;
const CHUNK = 9600; // bytes: 200 ms
const nonce = String(Date.now());
const signature = createHmac("sha256", key).update(secret + nonce).digest("hex");
const headers = { "x-api-key": key, "x-nonce": nonce, "x-signature": signature, "content-type": "application/json" };

const answered = await fetch(`${api}/Run/${model}`, { method: "POST", headers, body: fields });
const run = await answered.json();
if (!run.result) throw new Error(run.errors[0].message);
const token = run.socketaccesstoken;

function speech(seconds, loudness) {
  const samples = new Int16Array(Math.round(seconds * RATE));
  for (let at = 0; at < samples.length; at++) samples[at] = loudness * Math.sin((2 * Math.PI * 220 * at) / RATE);
  return Buffer.from(samples.buffer);
}

const heard = { types: [], user: [], ai: [], bytes: 0, chunks: [], cost: 0, turns: 0, success: null };
const socket = new WebSocket(address);
socket.binaryType = "arraybuffer";
const say = (type) => socket.send(JSON.stringify({ type, tasktoken: token }));
function speak(seconds) {
  const pcm = Buffer.concat([speech(seconds, 12000), speech(1, 0)]);
  for (let at = 0; at < pcm.length; at += CHUNK) {
    socket.send(Buffer.concat([Buffer.from(`${token}|`), pcm.subarray(at, at + CHUNK)]));
  }
}

socket.onopen = () => say("task_info");
socket.onmessage = ({ data }) => {
  if (typeof data !== "string") {
    const bytes = Buffer.from(data);
    const pipe = bytes.indexOf("|");
    if (bytes.subarray(0, pipe).toString() !== token) throw new Error("audio of somebody else");
    const samples = new Int16Array(bytes.buffer.slice(bytes.byteOffset + pipe + 1, bytes.byteOffset + bytes.length));
    heard.bytes += samples.length * 2;
    heard.chunks.push(samples.length * 2);
    if (model.startsWith("openai/") && heard.turns === 1 && heard.bytes >= 48000 && !heard.interrupted) {
      heard.interrupted = true;
      say("task_session_interrupt");
    }
    return;
  }
  const frame = JSON.parse(data);
  heard.types.push(frame.type);
  if (frame.type === "task_stream_ready" && !model.endsWith("tts")) speak(1);
  if (frame.type === "task_output" && frame.message.startsWith("TRANSCRIPT_USER:")) {
    heard.user.push(frame.message.slice(16));
    if (model.endsWith("voxtral-mini-realtime") && heard.user.length === 2) say("task_session_end");
  }
  if (frame.type === "task_output" && frame.message.startsWith("TRANSCRIPT_AI:")) heard.ai.push(frame.message.slice(14));
  if (frame.type === "task_cost") {
    heard.cost = frame.cumulativeCost;
    heard.turns += 1;
    if (model.startsWith("openai/") && heard.turns === 1) speak(0.5);
    if (model.startsWith("openai/") && heard.turns === 2) say("task_session_end");
  }
  if (frame.type !== "task_postprocess_end") return;
  heard.success = frame.success;
  heard.largest = Math.max(0, ...heard.chunks);
  delete heard.chunks;
  console.log(JSON.stringify(heard));
  socket.close();
};
