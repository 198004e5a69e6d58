/** Ends the process with the text where the command line asks for help: nothing else is begun. */
export function helpIfAsked(text: string): void {
  if (!process.argv.slice(2).some((argument) => argument === "--help" || argument === "-h")) return;
  console.log(text);
  process.exit(0);
}
