// compare.js - runs every DIR/NAME.onnx in ONNX Runtime with the inputs of NAME.json and compares the answers with those in it.
//   node compare.js ONNXRUNTIME-FOLDER DIR
// A difference is relative to the largest answer of the row or, where that is more, to the root mean square of all answers of the
// model: an answer near 0 is the rest of larger numbers. Above 1e-6 is a failure.
'use strict';
const fs = require('fs');
const path = require('path');
const [, , runtime, folder] = process.argv;
const ort = require(runtime);

const arrays = {float32: Float32Array, float64: Float64Array};

function tensor(t) {
  const data = t.type === 'string' ? t.data : arrays[t.type].from(t.data, v => (v === null ? NaN : v));
  return new ort.Tensor(t.type, data, t.dims);
}

function largest(row) {
  return row.reduce((m, v) => Math.max(m, Math.abs(v)), 0);
}

async function check(name) {
  const want = JSON.parse(fs.readFileSync(path.join(folder, name + '.json'), 'utf8'));
  const session = await ort.InferenceSession.create(path.join(folder, name + '.onnx'), {logSeverityLevel: 3});
  const feeds = {};
  for (const [key, value] of Object.entries(want.inputs)) feeds[key] = tensor(value);
  const found = await session.run(feeds);
  const expected = want.classify ? ['label', 'probabilities'] : ['y'];
  if (session.outputNames.join() !== expected.join()) throw new Error('outputs are ' + session.outputNames.join());
  const out = found[want.classify ? 'probabilities' : 'y'];
  const n = want.outputs, rows = want.answers.length / n;
  if (out.dims.join() !== [rows, n].join()) throw new Error('shape ' + out.dims.join());
  if (out.type !== (want.type === 'f32' ? 'float32' : 'float64')) throw new Error('type ' + out.type);
  const typical = Math.sqrt(want.answers.reduce((s, v) => s + v * v, 0) / want.answers.length);
  let worst = 0, wrong = 0;
  for (let r = 0; r < rows; r++) {
    const a = want.answers.slice(r * n, (r + 1) * n), b = Array.from(out.data.slice(r * n, (r + 1) * n));
    const size = Math.max(largest(a), largest(b), typical);
    for (let i = 0; i < n; i++) {
      const difference = Math.abs(a[i] - b[i]) / size;
      if (!(difference <= worst)) worst = difference;
    }
    if (want.classify) {
      const best = a.indexOf(Math.max(...a)), label = found.label.data[r];
      const text = typeof label === 'string';
      const second = [...a].sort((p, q) => q - p)[1];
      const sure = a[best] - second > 1e-6;
      if (sure && (text ? label !== want.classes[best] : Number(label) !== best)) wrong++;
    }
  }
  return {worst, wrong, rows};
}

(async () => {
  const names = fs.readdirSync(folder).filter(f => f.endsWith('.json')).map(f => f.slice(0, -5)).sort();
  let bad = 0, f32 = 0, f64 = 0;
  for (const name of names) {
    try {
      const r = await check(name);
      const fails = !(r.worst <= 1e-6) || r.wrong > 0;
      bad += fails;
      if (name.endsWith('f64')) f64 = Math.max(f64, r.worst); else f32 = Math.max(f32, r.worst);
      console.log(`${name.padEnd(28)} ${r.rows} rows, largest difference ${r.worst.toExponential(1)}` +
                  (r.wrong ? `, ${r.wrong} wrong labels` : '') + (fails ? '  FAILED' : ''));
    } catch (e) {
      bad++;
      console.log(`${name.padEnd(28)} FAILED: ${e.message}`);
    }
  }
  if (names.length < 50) {
    console.log(`only ${names.length} models found`);
    bad++;
  }
  console.log(`${names.length} models; largest difference f32 ${f32.toExponential(1)}, f64 ${f64.toExponential(1)}; ${bad} failed`);
  process.exit(bad ? 1 : 0);
})();
