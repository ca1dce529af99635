// SPDX-License-Identifier: Apache-2.0
// Runs models in ONNX Runtime for peers.py. A line of JSON on standard input, {"model", "inputs": [tensor], "folder", "optimized"},
// is answered by one, {"outputs": [tensor]} or {"error"}; a tensor is {"name", "dtype", "shape", "file"}, its file raw elements.
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

const ort = createRequire(path.join(process.cwd(), 'package.json'))('onnxruntime-node');
// Without VNNI its u8 x s8 products saturate unless asked for precision, which in turn refuses QGemm: so only where needed.
const precise = /vnni/.test(readFileSync('/proc/cpuinfo', 'utf8')) ? {} : { session: { x64quantprecision: '1' } };
const arrays = { float32: Float32Array, int8: Int8Array, uint8: Uint8Array, int32: Int32Array, int64: BigInt64Array, bool: Uint8Array };

const read = ({ dtype, shape, file }) => {
  const bytes = readFileSync(file);
  return new ort.Tensor(dtype, new arrays[dtype](bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength)), shape);
};
const write = (name, tensor, file) => {
  writeFileSync(file, new Uint8Array(tensor.data.buffer, tensor.data.byteOffset, tensor.data.byteLength));
  return { name, dtype: tensor.type, shape: tensor.dims, file };
};

async function answer({ model, inputs, folder, optimized }) {
  // All optimizations: they are what turns DequantizeLinear, op, QuantizeLinear into an integer operator.
  const session = await ort.InferenceSession.create(model, { intraOpNumThreads: 1, interOpNumThreads: 1, logSeverityLevel: 3,
    graphOptimizationLevel: 'all', optimizedModelFilePath: optimized, extra: precise });
  const results = await session.run(Object.fromEntries(inputs.map((t) => [t.name, read(t)])));
  await session.release();
  return { outputs: Object.entries(results).map(([name, tensor], i) => write(name, tensor, path.join(folder, `${i}.bin`))) };
}

for await (const line of createInterface({ input: process.stdin })) {
  const reply = await answer(JSON.parse(line)).catch((error) => ({ error: error.message }));
  process.stdout.write(`${JSON.stringify(reply)}\n`);
}
