/** Replaces control characters and the marks that turn the direction of text: they could make a report say what it does not. */
export function printableText(text: string): string {
  return text.replaceAll(/(?![\n\t])[\p{Cc}\p{Bidi_Control}]/gu, "\ufffd");
}
