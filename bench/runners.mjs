// SPDX-License-Identifier: Apache-2.0
// One network in ONNX Runtime or in octet, ready to be run once more: each is a function that returns the
// milliseconds of one run.
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { createRequire } from 'node:module';
import { readFileSync } from 'node:fs';
import path from 'node:path';

const ort = createRequire(path.join(process.cwd(), 'package.json'))('onnxruntime-node');

export const peerVersion = ort.env.versions?.node ?? '';
export const cpu = /model name\s*: (.*)/.exec(readFileSync('/proc/cpuinfo', 'utf8'))?.[1] ?? 'unknown CPU';

export const median = (times) => times.sort((a, b) => a - b)[times.length >> 1];

export async function peer(file, threads) {
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

// flags: of `octet step`.
export function own(octet, file, flags) {
  const child = spawn(octet, ['step', file, ...flags]);
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const created = lines.next();  // what making the session cost
  const step = async () => { await created; child.stdin.write('\n'); return +(await lines.next()).value; };
  return { step, end: () => child.stdin.end() };
}
