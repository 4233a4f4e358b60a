// Where GPU memory goes, and what gives it back. No training loop needs a dispose().
//
//   node examples/memory.js
import * as sg from 'shadegrad';

await sg.init();
const show = (when) =>
  console.log(`${when.padEnd(34)} ${Math.round(sg.memory().bytesInUse / 1024)} KiB`);

const w = sg.rand([256, 256], { requiresGrad: true }); // 256 KiB
const optimizer = new sg.optim.SGD([w], { lr: 0.1 });
show('a parameter');

// A forward pass keeps what backward needs: here three activations.
const hidden = w.sigmoid();
const loss = hidden.square().tanh().mean();
show('after the forward pass');

// backward() frees the activations that it has consumed. The gradient is new; the loss and what it
// was computed from stay, so that they can be read, until the next step begins.
loss.backward();
show('after backward()');
try {
  await hidden.data();
} catch (error) {
  console.log(`hidden: ${error.name}`);
}
console.log(`loss ${(await loss.item()).toFixed(2)}`);

// A scope frees every tensor made in it that it does not return: here two of three.
const mean = sg.noGrad(() => w.mul(3).add(1).mean());
show('after noGrad()');
mean.dispose();

// So an ordinary loop keeps memory flat.
for (let step = 1; step <= 50; step++) {
  const loss = w.sigmoid().square().tanh().mean();
  optimizer.zeroGrad();
  loss.backward();
  optimizer.step();
  if (step === 5 || step === 50) show(`after ${step} steps`);
}

// retain() keeps an activation through backward; it is yours to dispose of then.
const kept = w.sigmoid().retain();
kept.mean().backward();
console.log(`kept: ${(await kept.data()).length} values`);
show('with a tensor that was retained');
kept.dispose();
show('without it');

sg.close();
