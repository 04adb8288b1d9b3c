/**
 * The first names and how many more there are.
 *
 * @param most names that are shown. Default: 5
 */
export function listNames(names: readonly string[], most = 5): string {
  const more = names.length > most ? ` and ${names.length - most} more` : "";
  return `${names.slice(0, most).join(", ")}${more}`;
}
