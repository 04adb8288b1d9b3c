// Preloaded into a pod's process to let it start without the line that proves its bootstrap, as an API does whose team
// has changed its log.
const write = process.stdout.write.bind(process.stdout);
process.stdout.write = ((chunk: string | Uint8Array) =>
  /JWKS bootstrap/.test(String(chunk)) ? true : write(chunk)) as typeof process.stdout.write;
