/** Anything shaped like a token: a JWT, or what follows `Bearer`. */
const tokenShapes = [/eyJ[\w-]+\.[\w-]+\.[\w-]*/g, /(?<=\bBearer\s+)[\w.~+/=-]+/gi];

/**
 * Makes a function that takes secrets out of text that comes from elsewhere, such as a pod's log: the known ones, and
 * anything shaped like a token.
 */
export function redactor(secrets: readonly string[]): (text: string) => string {
  const known = secrets.filter((secret) => secret.length >= 8).toSorted((a, b) => b.length - a.length);
  return (text) => {
    const without = known.reduce((rest, secret) => rest.replaceAll(secret, "[secret]"), text);
    return tokenShapes.reduce((rest, shape) => rest.replaceAll(shape, "[secret]"), without);
  };
}
