// -*- test-case-name: tests.live.test_npm -*-
// Copyright (c) mcpd contributors.  See LICENSE for details.
//
// A client with version 1 of the official TypeScript SDK: does what a plan
// says, prints what it saw.
//
// Run as `node npm1.cjs PLAN`, with NODE_PATH; tests/live/look.py writes the
// plan and judges.  This version knows the legacy era alone.
"use strict";

const { readFileSync } = require("node:fs");
const { Client } = require("@modelcontextprotocol/sdk/client/index.js");
const { StdioClientTransport } = require("@modelcontextprotocol/sdk/client/stdio.js");
const { StreamableHTTPClientTransport } = require("@modelcontextprotocol/sdk/client/streamableHttp.js");
const { WebSocketClientTransport } = require("@modelcontextprotocol/sdk/client/websocket.js");
const {
  LoggingMessageNotificationSchema,
  ResourceUpdatedNotificationSchema,
  ToolListChangedNotificationSchema,
} = require("@modelcontextprotocol/sdk/types.js");

const PATIENCE = 10_000; // Milliseconds.

// What comes unasked: the words of the log, and a word for each change.
class Ears {
  constructor(client) {
    this.log = [];
    this.changes = [];
    this.wake = () => {};
    client.setNotificationHandler(LoggingMessageNotificationSchema, ({ params }) => void this.log.push(params.data));
    client.setNotificationHandler(ResourceUpdatedNotificationSchema, ({ params }) => this.hear(params.uri));
    client.setNotificationHandler(ToolListChangedNotificationSchema, () => this.hear("tools"));
  }

  hear(change) {
    this.changes.push(change);
    this.wake();
  }

  // Wait for a change; tell how many seconds after `began` it was there.
  async wait(change, began) {
    const late = setTimeout(() => this.hear("late"), PATIENCE);
    while (!this.changes.includes(change)) {
      if (this.changes.includes("late")) throw new Error(`Did not hear of ${change}.`);
      await new Promise((resolve) => (this.wake = resolve));
    }
    clearTimeout(late);
    this.changes.splice(0, this.changes.indexOf(change) + 1);
    return (performance.now() - began) / 1000;
  }
}

const tools = async (client) => (await client.listTools()).tools.map((tool) => tool.name);

async function ask(client, plan) {
  const prompt = await client.getPrompt({ name: plan.prompt, arguments: plan.arguments });
  const completed = await client.complete({ ref: { type: "ref/prompt", name: plan.prompt }, argument: plan.argument });
  const read = [];
  for (const uri of plan.read) read.push((await client.readResource({ uri })).contents[0].text);
  return {
    tools: await tools(client),
    resources: (await client.listResources()).resources.map((resource) => resource.uri),
    templates: (await client.listResourceTemplates()).resourceTemplates.map((template) => template.uriTemplate),
    prompts: (await client.listPrompts()).prompts.map((prompt) => prompt.name),
    read,
    prompt: prompt.messages[0].content.text,
    completed: completed.completion.values,
  };
}

async function call(client, plan, ears) {
  const progress = [];
  const onprogress = (told) => void progress.push([told.progress, told.total]);
  const said = await client.callTool({ name: plan.call, arguments: {} });
  await client.callTool({ name: plan.progress, arguments: {} }, undefined, { onprogress });
  await client.setLoggingLevel("info");
  await client.callTool({ name: plan.log, arguments: {} });
  return { said: said.content[0].text, progress, log: ears.log };
}

async function change(client, plan, ears) {
  const before = await tools(client);
  await client.subscribeResource({ uri: plan.watch });
  let began = performance.now();
  await client.callTool({ name: plan.touch, arguments: {} });
  const updated = await ears.wait(plan.watch, began);
  await client.unsubscribeResource({ uri: plan.watch });
  began = performance.now();
  await client.callTool({ name: plan.change, arguments: {} });
  const changed = await ears.wait("tools", began);
  const added = (await tools(client)).filter((name) => !before.includes(name));
  began = performance.now();
  await client.callTool({ name: plan.change, arguments: {} });
  await ears.wait("tools", began);
  return { updated, changed, added };
}

// Opens a WebSocket's door: this transport sends no fields of its own.
async function withTicket(plan, headers) {
  const body = JSON.stringify({ path: new URL(plan.url).pathname.replace("/mcp", "/ws") });
  const fields = { ...headers, "Content-Type": "application/json" };
  const answer = await fetch(new URL("/ws/ticket", plan.url), { method: "POST", headers: fields, body });
  return new URL((await answer.json()).url);
}

async function connect(plan) {
  if (plan.command) return new StdioClientTransport({ command: plan.command[0], args: plan.command.slice(1) });
  const headers = { Authorization: `Bearer ${readFileSync(plan.keyfile, "utf8").trim()}` };
  if (plan.door) return new WebSocketClientTransport(await withTicket(plan, headers));
  return new StreamableHTTPClientTransport(new URL(plan.url), { requestInit: { headers } });
}

async function main(plan) {
  const transport = await connect(plan);
  const client = new Client({ name: "test", version: "1" });
  const ears = new Ears(client);
  const piped = plan.command || plan.door;
  // Over what carries everything, this SDK loses a notice that comes along with the answer, and complains of it.
  if (!piped) client.onerror = (why) => console.error(why);
  await client.connect(transport);
  const version = transport.protocolVersion; // Over a pipe or a WebSocket nobody keeps it.
  const saw = { version, ...(await ask(client, plan)), ...(await call(client, plan, ears)) };
  Object.assign(saw, await change(client, plan, ears));
  if (!piped) await transport.terminateSession();
  client.onerror = undefined; // It complains of the streams that it ends itself.
  await client.close();
  if (piped) delete saw.progress;
  console.log(JSON.stringify(saw));
}

main(JSON.parse(process.argv[2])).catch((why) => {
  console.error(why);
  process.exit(1);
});
