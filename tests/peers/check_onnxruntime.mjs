// SPDX-License-Identifier: Apache-2.0
// Runs the single layers of FOLDER/index.json in ONNX Runtime and compares codes.
//   node check_onnxruntime.mjs FOLDER        (check_onnxruntime.sh sets it up)
import { createRequire } from 'node:module';
import { readFileSync } from 'node:fs';
import path from 'node:path';

const folder = process.argv[2];
const ort = createRequire(path.join(process.cwd(), 'package.json'))('onnxruntime-node');
const index = JSON.parse(readFileSync(path.join(folder, 'index.json'), 'utf8'));
// Without this option CPUs that lack VNNI multiply with vpmaddubsw there, which saturates.
const options = { intraOpNumThreads: 1, interOpNumThreads: 1, logSeverityLevel: 3, extra: { session: { x64quantprecision: '1' } } };
const types = { u8: ['uint8', Uint8Array], s8: ['int8', Int8Array], f32: ['float32', Float32Array],
  s32: ['int32', Int32Array], s64: ['int64', BigInt64Array] };

const read = ({ dtype, file }) => {
  const bytes = readFileSync(path.join(folder, file));
  return new types[dtype][1](bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
};
const feeds = (inputs) => Object.fromEntries(inputs.map((t) => [t.name, new ort.Tensor(types[t.dtype][0], read(t), t.shape)]));

let worst = 1, exact = 0, total = 0, failures = 0;
for (const layer of index.layers) {
  const session = await ort.InferenceSession.create(path.join(folder, layer.model), options);
  const result = (await session.run(feeds(layer.inputs)))[session.outputNames[0]].data;
  const figures = {};
  for (const mode of ['fixed', 'float']) {
    const own = read(layer[mode]);
    let within = 0, same = 0, most = 0;
    for (let i = 0; i < own.length; ++i) {
      const apart = Math.abs(own[i] - result[i]);
      within += apart <= 1; same += apart === 0; most = Math.max(most, apart);
    }
    if (own.length !== result.length) within = 0;
    figures[mode] = { within: within / own.length, same: same / own.length, most, count: own.length, equal: same };
  }
  const { fixed, float } = figures;
  worst = Math.min(worst, fixed.within);
  exact += float.equal; total += float.count;
  const failed = fixed.within < 0.999 || float.within < 0.999;
  failures += failed;
  if (failed || process.env.VERBOSE) {
    console.log(`${failed ? 'FAILED ' : ''}${layer.op} '${layer.name}': within 1 code ${(100 * fixed.within).toFixed(3)} %, equal `
      + `${(100 * fixed.same).toFixed(3)} % (float mode ${(100 * float.same).toFixed(3)} %), at most ${fixed.most} apart`);
  }
}

const session = await ort.InferenceSession.create(index.model, options);
const results = await session.run(feeds(index.inputs));
const apart = index.outputs.map((t) => read(t).reduce((most, x, i) => Math.max(most, Math.abs(Number(x) - Number(results[t.name].data[i]))), 0));
console.log(`${index.layers.length} layers: within 1 code on at least ${(100 * worst).toFixed(3)} % of outputs of each layer; in float mode `
  + `${total - exact} of ${total} codes differ; whole file loads, its outputs at most ${Math.max(...apart).toPrecision(3)} apart in float mode; ${failures} failures`);
process.exit(failures > 0 ? 1 : 0);
