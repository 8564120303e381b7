// Wiro's own addresses in Node: `hard_coded.mjs fetch|axios`. Node's fetch goes through a proxy by itself from version 24 on
// (NODE_USE_ENV_PROXY); before, and for ws, it takes a proxy agent. Needs ws, https-proxy-agent, undici or axios.
import { createHmac } from "node:crypto";

// Settings of its own, which exec does not know.
const { OWN_API: API = "https://api.wiro.ai/v1", OWN_SOCKET: SOCKET = "wss://socket.wiro.ai/v1" } = process.env;
const { WIRO_API_KEY: key, WIRO_API_SECRET: secret, HTTPS_PROXY: proxy } = process.env;

function signed() {
  const nonce = String(Date.now());
  const signature = createHmac("sha256", key).update(secret + nonce).digest("hex");
  return { "x-api-key": key, "x-nonce": nonce, "x-signature": signature };
}

function picture() {
  const form = new FormData();
  form.append("inputImage", new Blob([new Uint8Array(64)], { type: "image/png" }), "cat.png");
  return form;
}

async function follow(token) {
  const { WebSocket } = await import("ws");
  const { HttpsProxyAgent } = await import("https-proxy-agent");
  const socket = new WebSocket(SOCKET, proxy ? { agent: new HttpsProxyAgent(proxy) } : {});
  await new Promise((resolve, reject) => {
    socket.on("error", reject);
    socket.on("open", () => socket.send(JSON.stringify({ type: "task_info", tasktoken: token })));
    socket.on("message", (text) => JSON.parse(text).type === "task_postprocess_end" && resolve());
  });
  socket.close();
}

async function withFetch() {
  if (proxy && Number(process.versions.node.split(".")[0]) < 24) {
    const { EnvHttpProxyAgent, setGlobalDispatcher } = await import("undici");
    setGlobalDispatcher(new EnvHttpProxyAgent());
  }
  const ask = async (url, body, headers = {}) => (await fetch(url, { method: "POST", body, headers: { ...signed(), ...headers } })).json();
  const run = await ask(`${API}/Run/moondream3-preview/caption`, picture());
  await follow(run.socketaccesstoken);
  const detail = await ask(`${API}/Task/Detail`, JSON.stringify({ tasktoken: run.socketaccesstoken }), { "content-type": "application/json" });
  return (await fetch(detail.tasklist[0].outputs[0].url)).text();
}

async function withAxios() {
  const { default: axios } = await import("axios");
  const ask = async (url, body) => (await axios.post(url, body, { headers: signed() })).data;
  const run = await ask(`${API}/Run/moondream3-preview/caption`, picture());
  await follow(run.socketaccesstoken);
  const detail = await ask(`${API}/Task/Detail`, { tasktoken: run.socketaccesstoken });
  return (await axios.get(detail.tasklist[0].outputs[0].url)).data;
}

console.log(await { fetch: withFetch, axios: withAxios }[process.argv[2]]());
