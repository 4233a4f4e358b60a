// Where GPU memory goes, and what gives it back.
//
//   node examples/memory.js
import * as sg from 'shadegrad';

await sg.init();
const bytes = () => sg.memory().bytesInUse;

const w = sg.ones([256, 256], { requiresGrad: true }); // 256 KiB
const before = bytes();

// backward() frees what it has consumed: hidden activations need no dispose().
const hidden = w.relu();
hidden.square().sum().backward();
try {
  await hidden.data();
} catch (error) {
  console.log(error.name);
}

// A scope frees every tensor that it does not return.
const mean = sg.noGrad(() => w.mul(3).add(1).mean());
console.log('mean', await mean.item());

// retain() keeps a hidden activation; dispose() or `using` gives it back.
const kept = w.sigmoid().retain();
kept.sum().backward();
console.log('kept', (await kept.data())[0].toFixed(4));
kept.dispose();

mean.dispose();
w.grad = null;
sg.ones([1], { requiresGrad: true }).sum(); // a new step begins: the losses before are freed
console.log('bytes more than before:', bytes() - before < 4096 ? 'next to none' : bytes() - before);

sg.close();
