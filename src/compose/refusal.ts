/** Why this process does not start; the message is for the terminal. */
export class Refusal extends Error {
  override readonly name = "Refusal";
}
