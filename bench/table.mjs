// SPDX-License-Identifier: Apache-2.0
// The table of networks: fp32 and int8, octet on every backend and ONNX Runtime, in turn in one run.
//   node bench/table.mjs OCTET BACKENDS THREADS TURNS NAME...     (bench/table.sh sets it up)
// NAME stands for NAME.onnx and its quantized form NAME_qdq.onnx. Prints Markdown: milliseconds, each the median over
// the turns of the best of three runs, after one that does not count.
import path from 'node:path';
import { cpu, median, own, peer, peerVersion } from './runners.mjs';

const [octet, list, threads, turns, ...names] = process.argv.slice(2);
const backends = list.split(',');
const columns = ['octet fp32', 'ONNX Runtime fp32', ...backends.map((b) => `octet int8 ${b}`), 'ONNX Runtime int8'];

console.log(`${cpu}, ${new Date().toISOString().slice(0, 10)}, ONNX Runtime ${peerVersion}, ${threads} thread(s), ms\n`);
console.log(`| network | ${columns.join(' | ')} | int8 to fp32, octet | octet to ONNX Runtime, fp32 | int8 |`);
console.log(`|---${'|---'.repeat(columns.length + 3)}|`);

for (const name of names) {
  const fp32 = `${name}.onnx`, int8 = `${name}_qdq.onnx`, flags = ['--threads', threads];
  const children = [own(octet, fp32, flags), ...backends.map((b) => own(octet, int8, ['--backend', b, ...flags]))];
  const [oursFp32, ...oursInt8] = children.map((child) => child.step);
  const runs = [oursFp32, await peer(fp32, threads), ...oursInt8, await peer(int8, threads)];
  const best = runs.map(() => []);
  for (let turn = 0; turn < turns; ++turn) {
    for (const [i, run] of runs.entries()) {
      await run();
      best[i].push(Math.min(await run(), await run(), await run()));
    }
  }
  children.forEach((child) => child.end());
  const ms = best.map(median);
  const row = [...ms.map((t) => t.toFixed(2)), (ms[0] / ms[2]).toFixed(2), (ms[0] / ms[1]).toFixed(2), (ms[2] / ms.at(-1)).toFixed(2)];
  console.log(`| ${path.basename(name)} | ${row.join(' | ')} |`);
}
process.exit(0);
