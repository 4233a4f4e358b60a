// Tensors and gradients: the derivative of a function of two variables.
//
//   node examples/autograd.js
import * as sg from 'shadegrad';

await sg.init();

const x = sg.tensor([1, 2, 3], { requiresGrad: true });
const w = sg.tensor([0.5, -1, 2], { requiresGrad: true });

const y = x.mul(w).tanh().sum(); // a scalar
y.backward();

console.log('y     ', (await y.item()).toFixed(4));
console.log('dy/dx ', rounded(await x.grad.toArray())); // w (1 - tanh(x w)^2)
console.log('dy/dw ', rounded(await w.grad.toArray())); // x (1 - tanh(x w)^2)

// Gradients add up until they are cleared.
x.mul(w).sum().backward();
console.log('sum   ', rounded(await x.grad.toArray()));
x.grad = null;

function rounded(values) {
  return values.map((value) => value.toFixed(4)).join(' ');
}

sg.close();
