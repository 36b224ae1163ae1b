import { connect, tahoeUrl } from "../../../src/client/index.ts";

const readers = import.meta.glob("./readers/*.js");
const players = import.meta.glob("./players/*.js");
const grid = await connect({ workerUrl: "/gridfetch-worker.js?tahoe-forms" });

/** How far each read of the worker has come, by its id. */
const delivered = new Map();
/** Says that the worker has told of all that it had done before. */
let isTold = () => undefined;
const mark = grid.url("URI:LIT:me");

async function count() {
  for await (const { id, url, type, delivered: bytes } of grid.reads()) {
    if (url !== mark) delivered.set(id, bytes);
    else if (type === "finished") isTold();
  }
}

/** Has a reader read a URL, and gives what it has read. */
async function read(name, url) {
  delivered.clear();
  const { read } = await readers[`./readers/${name}.js`]();
  return read(url);
}

/** Has a player play a presentation. What it was told to show, in pixels of height, `switchTo` changes. */
async function play(name, url) {
  const { play } = await players[`./players/${name}.js`]();
  window.switchTo = await play(url);
}

/** How many requests the worker has answered since, and how many bytes it has given. */
async function counted() {
  const told = new Promise((resolve) => {
    isTold = resolve;
  });
  await (await fetch(mark)).arrayBuffer();
  await told;
  const bytes = [...delivered.values()].reduce((sum, each) => sum + each, 0);
  return { requests: delivered.size, delivered: bytes };
}

void count();
Object.assign(window, { grid, tahoeUrl, read, counted, play });
