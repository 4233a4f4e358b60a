/** What the trainer needs of an optimizer. */
export interface Stepper {
  step(): void;
  zeroGrad(): void;
}
