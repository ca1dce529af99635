// SPDX-License-Identifier: Apache-2.0
// Whole networks: octet against ONNX Runtime on the same file, alternating run by run.
//   node bench/models.mjs OCTET BACKEND THREADS ROUNDS MODEL.onnx...     (bench/models.sh sets it up)
// A second file after '=' is what octet runs instead: for.onnx=octet.onnx
import path from 'node:path';
import { cpu, median, own, peer, peerVersion } from './runners.mjs';

const [octet, backend, threads, rounds, ...models] = process.argv.slice(2);
console.log(`${cpu}; octet on ${backend}; ONNX Runtime ${peerVersion}; ${threads} thread(s), ${rounds} rounds`);

for (const model of models) {
  const [theirs, ours] = model.split('=');
  const run = await peer(theirs, threads);
  const { step, end } = own(octet, ours ?? theirs, ['--backend', backend, '--threads', threads]);
  const a = [], b = [];
  for (let i = 0; i < rounds; ++i) { a.push(await step()); b.push(await run()); }
  end();
  const [minA, minB] = [Math.min(...a), Math.min(...b)];
  console.log(`${path.basename(ours ?? theirs).padEnd(32)} octet median ${median(a).toFixed(3)} min ${minA.toFixed(3)} ms   `
    + `ONNX Runtime median ${median(b).toFixed(3)} min ${minB.toFixed(3)} ms   time ratio ${(median(a) / median(b)).toFixed(3)} (of minima ${(minA / minB).toFixed(3)})`);
}
process.exit(0);
