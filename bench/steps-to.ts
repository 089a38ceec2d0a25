/**
 * The fewest steps after which a descent has come down to a loss. Longer and longer ones are tried, then what lies
 * between, since few steps are soon made; a loss never rises.
 *
 * @param lossAfter the loss after so many steps
 */
export async function stepsTo(
  loss: number,
  lossAfter: (maxSteps: number) => Promise<number>,
): Promise<number> {
  let tooFew = 0;
  let enough = 1;
  while (!((await lossAfter(enough)) <= loss)) {
    if (enough > 1e6) throw new Error(`a million steps do not come down to a loss of ${loss}`);
    tooFew = enough;
    enough *= 2;
  }
  while (enough - tooFew > 1) {
    const middle = (tooFew + enough) >> 1;
    if ((await lossAfter(middle)) <= loss) enough = middle;
    else tooFew = middle;
  }
  return enough;
}
