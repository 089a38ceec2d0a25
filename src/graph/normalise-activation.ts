import { within } from "../base/calling.ts";
import { checkNumber, checkOptions, orDefault } from "../base/check.ts";
import { refused } from "../base/refuse.ts";
import { show } from "../base/show.ts";
import { type Activation, activations, isActivationName } from "./activation.ts";

/**
 * Checks an `ActivationLike`, and returns the activation with its parameter filled in.
 *
 * @param option name of the option, for messages
 * @param value value to check
 * @throws LatentflowError `invalid_argument` on an unknown name or parameter, or a parameter out of range
 */
export function normaliseActivation(option: string, value: unknown): Activation {
  const given: Record<string, unknown> = isObject(value) ? value : { name: value };
  const { name } = given;
  if (!isActivationName(name)) {
    const shown = isObject(value) ? `an object with the name ${show(name)}` : show(value);
    const names = Object.keys(activations).join(", ");
    throw refused(option, "is", shown, `one of ${names}, or an object with such a name`);
  }
  const { parameter } = activations[name];
  const known = { name: true, ...(parameter && { [parameter.name]: true }) };
  within(option, () => checkOptions(given, known), `${option} ${name}`);
  if (!parameter) return Object.freeze({ name }) as Activation;
  const number = orDefault(given[parameter.name], parameter.default);
  checkNumber(`${option}.${parameter.name}`, number, parameter.bounds);
  return Object.freeze({ name, [parameter.name]: number }) as Activation;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}
