// Trains the network of interchange.py here and writes its weights and logits to a folder, for
// interchange_read.py.
//
//   npm run build && node test/golden/make_interchange.mjs FOLDER
import { Buffer } from 'node:buffer';
import { readFileSync } from 'node:fs';
import * as sg from 'shadegrad';

const [folder] = process.argv.slice(2);
const digits = JSON.parse(readFileSync(new URL('digits.json', import.meta.url)));
const pixels = Float32Array.from(Buffer.from(digits.imagesBase64, 'base64'), (byte) => byte / 255);

await sg.init();
sg.manualSeed(1);
const { nn } = sg;
const model = new nn.Sequential(
  new nn.Conv2d(1, 4, 5, { stride: 2 }),
  new nn.BatchNorm2d(4),
  new nn.ReLU(),
  new nn.MaxPool2d(2),
  new nn.Flatten(),
  new nn.Linear(144, 10),
);
const x = sg.tensor(pixels, { shape: [16, 1, 28, 28] });
const y = sg.tensor(Int32Array.from(digits.labels));
const optimizer = new sg.optim.Adam(model.parameters(), { lr: 0.01 });
for (let i = 0; i < 10; i++) {
  const loss = nn.functional.crossEntropy(model.forward(x), y);
  optimizer.zeroGrad();
  loss.backward();
  optimizer.step();
}
model.eval();
const logits = await sg.noGrad(() => model.forward(x)).toArray();
await sg.io.save(`${folder}/model.safetensors`, model.stateDict());
await sg.io.writeFileAtomic(`${folder}/logits.json`, JSON.stringify(logits));
sg.close();
