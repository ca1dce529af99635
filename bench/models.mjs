// SPDX-License-Identifier: Apache-2.0
// Whole networks: octet against ONNX Runtime on the same file, alternating run by run.
//   node bench/models.mjs OCTET BACKEND THREADS ROUNDS MODEL.onnx...     (bench/models.sh sets it up)
// A second file after '=' is what octet runs instead: for.onnx=octet.onnx
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { createRequire } from 'node:module';
import { readFileSync } from 'node:fs';
import path from 'node:path';

const [octet, backend, threads, rounds, ...models] = process.argv.slice(2);
const ort = createRequire(path.join(process.cwd(), 'package.json'))('onnxruntime-node');
const cpu = /model name\s*: (.*)/.exec(readFileSync('/proc/cpuinfo', 'utf8'))?.[1] ?? 'unknown CPU';
console.log(`${cpu}; octet on ${backend}; ONNX Runtime ${ort.env.versions?.node ?? ''}; ${threads} thread(s), ${rounds} rounds`);

const median = (times) => times.sort((a, b) => a - b)[times.length >> 1];

async function peer(file) {
  const session = await ort.InferenceSession.create(file, { intraOpNumThreads: +threads, interOpNumThreads: 1 });
  const feeds = {};
  for (const [i, name] of session.inputNames.entries()) {
    const meta = session.inputMetadata[i];
    const shape = meta.shape.map((d) => (typeof d === 'number' ? d : 1));
    const size = shape.reduce((a, b) => a * b, 1);
    feeds[name] = meta.type === 'int64' ? new ort.Tensor('int64', new BigInt64Array(size), shape)
      : new ort.Tensor('float32', Float32Array.from({ length: size }, Math.random), shape);
  }
  await session.run(feeds);
  return async () => {
    const start = process.hrtime.bigint();
    await session.run(feeds);
    return Number(process.hrtime.bigint() - start) / 1e6;
  };
}

function own(file) {
  const child = spawn(octet, ['step', file, '--backend', backend, '--threads', threads]);
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const created = lines.next();  // what making the session cost
  const step = async () => { await created; child.stdin.write('\n'); return +(await lines.next()).value; };
  return { step, end: () => child.stdin.end() };
}

for (const model of models) {
  const [theirs, ours] = model.split('=');
  const run = await peer(theirs);
  const { step, end } = own(ours ?? theirs);
  const a = [], b = [];
  for (let i = 0; i < rounds; ++i) { a.push(await step()); b.push(await run()); }
  end();
  const [minA, minB] = [Math.min(...a), Math.min(...b)];
  console.log(`${path.basename(ours ?? theirs).padEnd(32)} octet median ${median(a).toFixed(3)} min ${minA.toFixed(3)} ms   `
    + `ONNX Runtime median ${median(b).toFixed(3)} min ${minB.toFixed(3)} ms   time ratio ${(median(a) / median(b)).toFixed(3)} (of minima ${(minA / minB).toFixed(3)})`);
}
process.exit(0);
